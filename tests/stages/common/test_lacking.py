"""What a run lacks before it can start, each thing with the way to it."""

from pathlib import Path

import pytest

from stages import draw
from stages.benchmarks import image_folder
from stages.common.lacking import DRAWN, FIELDS, lacking
from stages.common.params import Run

PLACES = {
    "weights": "data/weights/hub.md",
    "known": "data/known/classes.json",
    "target_data": "data/benchmarks/rare",
    "retention_data": "data/benchmarks/known.zip",
    "images_from": "data/inversion.md",
}


def run_of(**fields):
    empty = {name: None for name in Run.__dataclass_fields__}
    benchmarks = {"target_benchmark": "image_folder", "retention_benchmark": "image_folder"}
    return Run(**empty | {"key": "rare"} | benchmarks | PLACES | fields)


def put(*paths):
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture(autouse=True)
def _where_all_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(*(place if Path(place).suffix else f"{place}/a/0.png" for place in PLACES.values()))


def test_a_run_whose_files_are_all_there_lacks_nothing():
    assert lacking(run_of()) == []


@pytest.mark.parametrize("field", FIELDS)
def test_each_missing_thing_is_told_with_its_place_and_path(field):
    (told,) = lacking(run_of(**{field: "data/gone/x"}))
    assert told.startswith(f"params.yaml: runs.rare.{field} says 'data/gone/x', but there is no such file or folder. ")
    assert "\n" not in told and told.endswith(".")


def test_all_that_is_missing_is_told_at_once():
    assert len(lacking(run_of(weights="a", known="b", target_data="c", retention_data="d", images_from="e"))) == 5


def test_for_pictures_the_page_of_their_benchmark_is_named_with_its_first_words():
    (told,) = lacking(run_of(target_data="data/benchmarks/imagenet"))
    assert f"{image_folder.__doc__.splitlines()[0].rstrip('.:')}. How" in told
    assert told.endswith(" How to get it: see stages/benchmarks/image_folder.py.")


def test_for_anything_else_the_page_beside_it_is_named_where_there_is_one():
    (told,) = lacking(run_of(weights="data/weights/medclip"))
    assert told.endswith("Weights of a model: a folder in open_clip's layout, or a checkpoint.")
    put("data/weights/medclip.md")
    (told,) = lacking(run_of(weights="data/weights/medclip"))
    assert told.endswith("How to get it: see data/weights/medclip.md.")


def test_an_empty_folder_is_lacking():
    Path("data/benchmarks/later").mkdir()
    (told,) = lacking(run_of(retention_data="data/benchmarks/later"))
    assert "but that folder is empty" in told


def test_what_the_pipeline_draws_itself_is_never_lacking():
    drawn = {"known": "data/world/known.json", "target_data": "data/world/concepts", "retention_data": "data/world/x"}
    assert lacking(run_of(**drawn)) == []
    assert draw.WORLD == DRAWN
