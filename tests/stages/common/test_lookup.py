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


def test_the_real_folders_hold_what_the_project_names() -> None:
    assert lookup.names("stages.writers") == ["local_llm", "openai_server"]
