"""The report of a run of a hundred concepts: as long as one of twelve, and nothing of the others lost."""

import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from stages import report
from stages.common import paths
from stages.common.params import Concept, Params
from stages.common.rows import write_rows
from stages.reporting import chapters
from tests.stages import reported_project
from tests.stages.reported_project import DESCRIPTION, made_run
from tests.stages.tables.many import LABELS, many


def everything(n: int) -> Params:
    concepts = {name: Concept(name, name, "a", DESCRIPTION, f"real/{name}") for name in LABELS[:n]}
    return Params(concepts, None, {"together": made_run("together")})


def make_project(folder: Path, n: int, patch: pytest.MonkeyPatch) -> Path:
    """A project whose one run teaches `n` concepts; gives the folder of its report."""
    folder.mkdir()
    patch.chdir(folder)
    names = tuple(LABELS[:n])
    patch.setitem(reported_project.RUNS, "together", names)
    reported_project.write_run("together")
    rows = many(n).rows.astype(object)
    write_rows(paths.rows("together"), rows.where(rows.notna(), None).to_dict("records"))
    for name in names:
        (Path("real") / name).mkdir(parents=True)
        Image.new("RGB", (20, 20)).save(f"real/{name}/000.png")
    patch.setattr(report.params, "load", lambda: everything(n))
    report.main()
    return folder / paths.REPORT


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Reports of 12 and of 100 concepts, by their number."""
    root = tmp_path_factory.mktemp("projects")
    with pytest.MonkeyPatch.context() as patch:
        return {n: make_project(root / str(n), n, patch) for n in (12, 100)}


SHOWN = [*reversed(LABELS[94:100]), *reversed(LABELS[:6])]


def test_the_title_and_the_opening_count_instead_of_naming(written):
    page, text = ((written[100] / name).read_text() for name in ("index.html", "report.md"))
    assert "<h1>100 concepts, taught from text alone</h1>" in page
    assert text.startswith("# 100 concepts, taught from text alone\n")
    assert "teaches a vision-language model 100 concepts, together, from a written description of each" in text


def test_the_six_best_and_the_six_worst_are_shown_and_no_other_and_the_rule_is_told(written):
    page, text = ((written[100] / name).read_text() for name in ("index.html", "report.md"))
    assert re.findall(r"<h3>(thing\d+)</h3>", page) == SHOWN
    assert re.findall(r"<dt>(thing\d+)</dt>", page) == SHOWN
    assert re.findall(r"^\| – (thing\d+)", text, re.MULTILINE) == SHOWN
    rule = "12 are shown one by one: the 6 best and the 6 worst by target accuracy, replay (ours) at its chosen"
    assert rule in " ".join(page.split()) and rule in text


def test_the_rest_is_in_the_csv_and_counted_among_what_did_not_work(written):
    labels = set(pd.read_csv(written[100] / "rows.csv")["label"])
    assert {*LABELS[:100]} <= labels
    text = (written[100] / "report.md").read_text()
    assert (
        "10 of 100 concepts: less is found than before (thing000, thing001, thing002, thing003, thing004, ...)" in text
    )
    assert "| replay | taught | 100 | 0.0 | 49.5 | 99.0 | 89 | 1 |" in text


@pytest.mark.parametrize("name", ["index.html", "report.md"])
def test_a_hundred_concepts_take_no_more_room_than_twelve_and_a_little(written, name):
    few, lots = ((written[n] / name).stat().st_size for n in (12, 100))
    assert lots < 1.2 * few


def test_pictures_of_concepts_that_are_not_shown_are_not_read(written, monkeypatch):
    read = []
    monkeypatch.chdir(written[100].parents[1])
    monkeypatch.setitem(reported_project.RUNS, "together", tuple(LABELS[:100]))
    monkeypatch.setattr(chapters, "read_picture", lambda path: read.append(path) or Image.new("RGB", (8, 8)))
    (chapter,), _ = chapters.chapters(everything(100))
    assert [one["name"] for one in chapter.shown] == SHOWN
    assert {part for path in read for part in path.parts if part in LABELS} == set(SHOWN)
