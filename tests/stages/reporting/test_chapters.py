"""Which runs the report tells of, and why it does not tell of the others."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from stages.common import paths
from stages.common.failures import UserError
from stages.common.params import Params
from stages.common.rows import write_rows
from stages.reporting import chapters
from tests.stages import reported_project
from tests.stages.made_up_rows import CHOICE, rows
from tests.stages.reported_project import RUNS, asked


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The params.yaml of the made-up project, whose runs lack nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chapters, "lacking", lambda run, *more: [])
    return reported_project.build()


def change(project: Params, run: str, **fields: object) -> None:
    """Give a run other fields, as an edit of params.yaml does."""
    project.runs[run] = dataclasses.replace(project.runs[run], **fields)


def told_of(run: str, project: Params) -> str:
    """Why there is no chapter of a run; "" where there is one."""
    told, holes = chapters.chapters(project)
    assert sorted([chapter.run.key for chapter in told] + [hole.run for hole in holes]) == sorted(RUNS)
    return next((hole.reason for hole in holes if hole.run == run), "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipes", {"paper": {"learning_rates": [9e-4]}, "replay": {}}),
        ("recipes", {"paper": {}, "replay": {}, "contrast": {}}),
        ("template", "a drawing of {}"),
        ("candidates", "benchmark"),
        ("seeds", (0, 1, 2)),
        ("controls", ("noise",)),
        ("concepts", ("moongate", "gyroscope")),
        ("target_data", "others"),
        ("retention_benchmark", "imagenet"),
        ("invert", {"steps": 7}),
        ("images_from", "drawn"),
    ],
)
def test_results_of_other_settings_are_a_hole_and_not_shown_as_of_now(project, field, value):
    change(project, "alone", **{field: value})
    told = f"its results are of other settings: {field}; `dvc repro evaluate@alone` makes them anew"
    assert told in told_of("alone", project)


def test_results_of_another_description_are_a_hole(project):
    paths.lesson("alone").write_text(paths.lesson("alone").read_text().replace("round", "square"))
    assert "other settings: lesson; " in told_of("alone", project)


def test_what_decides_no_number_makes_no_hole(project):
    change(project, "alone", device="cuda", paper={"table": "v1-1", "model": "ViT-B-32"}, template=("a photo of {}",))
    assert told_of("alone", project) == ""


def test_results_that_do_not_say_their_settings_are_a_hole(project):
    paths.benchmarks("alone").write_text(json.dumps({"target": asked("target")}))
    assert "its results are of other settings: " in told_of("alone", project)


def test_old_results_are_told_with_what_the_run_lacks(project, monkeypatch):
    monkeypatch.setattr(chapters, "lacking", lambda run, *more: [f"{run.key} lacks its pictures."])
    change(project, "alone", target_data="others")
    assert told_of("alone", project).endswith("makes them anew. alone lacks its pictures.")


def test_a_run_without_rows_is_a_hole_with_what_it_lacks_or_the_command(project, monkeypatch):
    paths.rows("alone").unlink()
    assert told_of("alone", project).endswith("does not exist. `dvc repro evaluate@alone` makes it.")
    monkeypatch.setattr(chapters, "lacking", lambda run, *more: [f"{run.key} lacks its weights."])
    assert told_of("alone", project) == "alone lacks its weights."


def test_without_any_rows_there_is_nothing_to_report(project):
    for run in RUNS:
        paths.rows(run).unlink()
    with pytest.raises(UserError, match=r"No run of params.yaml has results yet.*alone: .*together: "):
        chapters.chapters(project)


def test_figures_that_the_paper_does_not_have_are_a_hole(project):
    change(project, "alone", paper={"table": "v1-1", "model": "ViT-B-23"})
    assert "Did you mean 'ViT-B-32'" in told_of("alone", project)


@pytest.mark.parametrize(("place", "verb"), [(paths.lesson, "gather"), (paths.choice, "evaluate")])
def test_a_missing_or_broken_file_is_a_hole_with_the_command_that_makes_it(project, place, verb):
    place("alone").write_text("{")
    assert re.search(rf"is no JSON: .*`dvc repro {verb}@alone` makes it anew", told_of("alone", project))
    place("alone").unlink()
    assert re.search(rf"does not exist\. `dvc repro {verb}@alone` makes it", told_of("alone", project))


@pytest.mark.parametrize("content", [None, ""], ids=["missing", "empty"])
def test_a_missing_or_empty_history_is_a_hole(project, content):
    file = paths.inverted_images("alone", "moongate", 0) / "history.csv"
    file.unlink()
    if content is not None:
        file.write_text(content)
    assert re.search(r"history\.csv cannot be read: .*`dvc repro invert@alone` makes it", told_of("alone", project))


def test_a_recipe_without_a_choice_is_a_hole(project):
    paths.choice("alone").write_text(json.dumps({"paper": vars(CHOICE["paper"])}))
    assert re.search(r"runs\.alone\.recipes names 'replay'.*It has: paper", told_of("alone", project))


def test_rows_that_do_not_hold_the_chosen_learning_rate_are_a_hole(project):
    kept = [row for row in rows("alone", ["moongate"]) if row["learning_rate"] != 6e-4]
    write_rows(paths.rows("alone"), kept)
    assert re.search(r"lacks top1 .* recipe 'replay' at its chosen learning rate 0\.0006", told_of("alone", project))


def test_a_broken_inverted_image_is_a_hole(project):
    (paths.inverted_images("alone", "moongate", 0) / "00.png").write_bytes(b"no picture")
    assert re.search(r"00\.png cannot be read as an image", told_of("alone", project))


def test_a_real_picture_of_any_kind_is_shown_upright(project):
    """A TIFF whose tag says that its first row is the right column."""
    tag = Image.Exif()
    tag[0x0112] = 6
    Path("real/000.png").unlink()
    Image.new("RGB", (300, 200)).save("real/000.tif", exif=tag)
    told, _ = chapters.chapters(project)
    (picture,) = told[0].real["moongate"]
    assert picture.size == (200, 300)
