import sys
from pathlib import Path

import pytest

from stages.common import lookup
from stages.common.failures import UserError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "things_of_test"
    folder.mkdir()
    for name in ("__init__", "contract", "round"):
        (folder / f"{name}.py").write_text("")
    (folder / "broken.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    yield "things_of_test"
    for name in [name for name in sys.modules if name.startswith("things_of_test")]:
        del sys.modules[name]


def test_names_are_the_files_without_the_contract(package: str) -> None:
    assert lookup.names(package) == ["broken", "round"]


def test_find_imports_the_file_asked_for_and_no_other(package: str) -> None:
    assert lookup.find(package, "round", "params.yaml: x").__name__ == "things_of_test.round"
    with pytest.raises(RuntimeError, match="imported"):
        lookup.find(package, "broken", "params.yaml: x")


def test_check_imports_nothing(package: str) -> None:
    lookup.check(package, "broken", "params.yaml: x")
    assert "things_of_test.broken" not in sys.modules


@pytest.mark.parametrize("name", ["roud", "contract", "../round", "os"])
def test_only_files_of_the_folder_are_found(package: str, name: str) -> None:
    with pytest.raises(UserError, match=f"params.yaml: x says '{name}', but things_of_test/ has no {name}.py"):
        lookup.find(package, name, "params.yaml: x")


def test_an_unknown_name_is_told_the_nearest_and_all_there_are(package: str) -> None:
    with pytest.raises(UserError, match=r"Did you mean 'round'\? It has: broken, round\.$"):
        lookup.find(package, "roudn", "params.yaml: x")


def test_a_constant_is_read_and_nothing_imported(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "broken.py").write_text(
        'KIND = "joint"\nTEACHES = ("two", "joint")\nraise RuntimeError("imported")\n\ndef f():\n    KIND = "other"\n'
    )
    assert lookup.constant(package, "broken", "KIND") == "joint"
    assert lookup.constant(package, "broken", "TEACHES") == ("two", "joint")
    assert f"{package}.broken" not in sys.modules


@pytest.mark.parametrize(("code", "times"), [("", 0), ('KIND = 1\nKIND = "a"\n', 2), ('if True:\n    KIND = "a"\n', 0)])
def test_a_constant_must_be_assigned_once_at_the_top(package: str, tmp_path: Path, code: str, times: int) -> None:
    (tmp_path / package / "round.py").write_text(code)
    with pytest.raises(AssertionError, match=f"things_of_test.round assigns KIND {times} times"):
        lookup.constant(package, "round", "KIND")


def test_a_constant_that_not_every_file_has_is_read_where_it_is(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "broken.py").write_text('KINDS = ("a", "b")\nraise RuntimeError("imported")\n')
    assert lookup.literal(package, "broken", "KINDS") == ("a", "b")
    assert lookup.literal(package, "round", "KINDS") is None
    (tmp_path / package / "round.py").write_text("KINDS = None\nKINDS = None\n")
    with pytest.raises(AssertionError, match="assigns KINDS 2 times"):
        lookup.literal(package, "round", "KINDS")
    assert f"{package}.broken" not in sys.modules


def test_modalities_are_read_of_the_benchmark_that_has_some() -> None:
    said = {name: lookup.literal("stages.benchmarks", name, "MODALITIES") for name in lookup.names("stages.benchmarks")}
    assert "t2f" in said["brats23_glioma"] and said["udiat"] is None


@pytest.mark.parametrize(
    ("package", "word", "allowed"),
    [
        ("stages.models", "ENCODERS", {"two", "joint"}),
        ("stages.models", "DECODES", {True, False}),
        ("stages.benchmarks", "TASK", {"classification", "retrieval", "captioning", "segmentation"}),
        ("stages.metrics", "TASK", {"classification", "retrieval", "captioning", "segmentation"}),
    ],
)
def test_every_file_says_of_itself_what_params_are_checked_against(
    package: str, word: str, allowed: set[object]
) -> None:
    said = {name: lookup.constant(package, name, word) for name in lookup.names(package)}
    assert set(said.values()) == allowed, said


def test_every_recipe_says_which_models_it_teaches_and_every_kind_of_model_has_one() -> None:
    said = [lookup.constant("stages.recipes", name, "TEACHES") for name in lookup.names("stages.recipes")]
    assert {kind for kinds in said for kind in kinds} == {"two", "joint", "captioner"} and all(
        type(kinds) is tuple for kinds in said
    )


def test_the_real_folders_hold_what_the_project_names() -> None:
    assert lookup.names("stages.writers") == ["local_llm", "openai_server"]
