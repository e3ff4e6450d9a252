"""Each file of pipeline/experiments says what it is, describes as the library does, and names figures that are printed.

That each can be added, loads and is taken out again is tests/pipeline/test_experiments.py.
"""

import csv
import json
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import pytest

from pipeline import experiments
from pipeline.documents import parse
from stages.common import document, params, wording
from stages.common.params import Params
from stages.tables.paper_figures import FIGURES, figures_of

ROOT = Path(__file__).parents[1]
TABLES = ["table1", "table11", "table2", "table3", "table4", "table5", "table6", "table7", "table8", "table9"]
PAPER = ["figure4", "figure5", *TABLES, "v2_table10", "v2_table12", "v2_table2", "v2_table9"]
UNPRINTED = ["figure4", "figure5"]  # figures without numbers
LIBRARY = ("rare", "rare_short", "fabrics", "chest_xray", "nodules", "coco", "segmentation")
COCO = {"coco-80"}  # what the figures call all classes of MSCOCO, taught together
COCO_BATCHES = {16: [1e-6], 32: [8e-7, 9e-7, 4e-6, 8e-6, 2e-5, 3e-5], 128: [2e-6, 1e-5], 256: [3e-6, 5e-6]}  # Table 8


@cache
def own(name: str) -> dict:
    """The entries of an experiment, anchors resolved."""
    text = (ROOT / "params.yaml").read_text() + "\nexperiment:\n"
    lines = (ROOT / "pipeline" / "experiments" / f"{name}.yaml").read_text().splitlines()
    return parse(text + "".join(f"  {line}\n" for line in lines), name)["experiment"]


def described(group: str) -> set[str]:
    """What a file of captions/library describes."""
    return set(document.read(ROOT / "captions" / "library" / f"{group}.yaml"))


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Add experiments to a copy of params.yaml and load it."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text())

    def added(*names: str) -> Params:
        for name in names:
            experiments.add(name)
        return params.load()

    return added


def test_every_experiment_of_the_paper_is_there() -> None:
    assert set(experiments.names()) >= {*PAPER, "findings", "development"}


@pytest.mark.parametrize("name", [*PAPER, "findings"])
def test_an_experiment_says_what_it_reproduces_and_what_it_needs(name: str) -> None:
    lines = (ROOT / "pipeline" / "experiments" / f"{name}.yaml").read_text().splitlines()
    assert lines[0].startswith(("# Table ", "# Figure ", "# The paper's "))
    assert lines[2].startswith("# Needs: ")


@pytest.mark.parametrize("name", PAPER)
def test_a_run_names_figures_that_the_paper_prints_for_its_concepts(add, name: str) -> None:
    loaded = add(name)
    for key in own(name)["runs"]:
        run = loaded.runs[key]
        assert bool(run.papers) is (name not in UNPRINTED), key
        for paper in run.papers:
            printed = {figure["concept"] for figure in figures_of(replace(run, paper=asdict(paper)))}
            taught = {loaded.concepts[concept].name for concept in run.concepts}
            known = set(json.loads((ROOT / run.known).read_text()))
            if printed == COCO:
                assert taught == described("coco"), key
            else:
                assert taught <= printed or known <= printed, (key, paper)


@pytest.mark.parametrize("name", PAPER)
def test_a_run_is_taught_by_the_recipe_whose_figures_it_names(add, name: str) -> None:
    loaded = add(name)
    for key in own(name)["runs"]:
        assert {paper.recipe for paper in loaded.runs[key].papers} <= set(loaded.runs[key].recipes), key


def test_table_8_has_each_learning_rate_with_the_batch_that_is_printed_for_it(add) -> None:
    runs = add("table8").runs
    recipes = [runs[key].recipes["matching"] for key in own("table8")["runs"]]
    assert {recipe["batch"]: list(recipe["learning_rates"]) for recipe in recipes} == COCO_BATCHES
    figures = [figure for figure in figures_of(runs["vilt-coco-b16"]) if figure["lr"]]
    printed = {(figure["note"], float(figure["lr"])) for figure in figures}
    assert printed == {(f"batch {batch}", rate) for batch, rates in COCO_BATCHES.items() for rate in rates}


def test_table_5_is_two_lines_of_table_8_and_shares_its_images(add) -> None:
    loaded = add("table5", "table8")
    images = ("concepts", "weights", "seeds", "invert")
    for key in own("table5")["runs"]:
        run, whole = loaded.runs[key], loaded.runs[key.replace("flickr30k", "coco")]
        assert [getattr(run, field) for field in images] == [getattr(whole, field) for field in images]
        (rate,) = run.recipes["matching"]["learning_rates"]
        assert rate in COCO_BATCHES[run.recipes["matching"]["batch"]]


def test_every_line_of_table_9_that_is_not_another_s_stands_beside_a_run(add) -> None:
    runs = add("table9").runs.values()
    with FIGURES.open(newline="") as file:
        lines = [row for row in csv.DictReader(file) if row["table"] == "v1-9" and row["variant"] != "reference"]
    shown = [figure for run in runs for figure in figures_of(run)]
    assert len(lines) == 4 * (2 + 4) and all(line in shown for line in lines)


def test_table_6_is_the_lines_with_a_dagger_of_table_9_and_shares_its_images(add) -> None:
    loaded = add("table6", "table9")
    images = ("concepts", "weights", "architecture", "pretrained", "seeds", "invert", "decoding", "metrics")
    for key in own("table6")["runs"]:
        run, whole = loaded.runs[key], loaded.runs[key.removesuffix("-best")]
        assert [getattr(run, field) for field in images] == [getattr(whole, field) for field in images]
        assert {**run.recipes["captioning"], "learning_rates": whole.recipes["captioning"]["learning_rates"]} == dict(
            whole.recipes["captioning"]
        )


def test_table_4_is_lines_of_table_7_and_shares_its_images(add) -> None:
    loaded = add("table4", "table7")
    images = ("concepts", "weights", "architecture", "pretrained", "seeds", "invert", "segmentation", "metrics")
    for key in own("table4")["runs"]:
        run, whole = loaded.runs[key], loaded.runs[key.removesuffix("-few")]
        assert [getattr(run, field) for field in images] == [getattr(whole, field) for field in images]
        assert set(run.recipes["paper"]["learning_rates"]) < set(whole.recipes["paper"]["learning_rates"])


def test_tables_4_and_7_teach_at_the_learning_rates_that_they_print_for_each_task(add) -> None:
    for name, table in (("table4", "v1-4"), ("table7", "v1-7")):
        loaded = add(name)
        for key in own(name)["runs"]:
            run = loaded.runs[key]
            (taught,) = (loaded.concepts[concept].name for concept in run.concepts)
            figures = [figure for figure in figures_of(run) if figure["concept"] == taught]
            assert {figure["table"] for figure in figures} == {table}
            printed = {float(figure["lr"]) for figure in figures if figure["lr"]}
            assert printed == set(run.recipes["paper"]["learning_rates"]), key


@pytest.mark.parametrize("table", ["v1-1", "v1-2", "v1-3", "v1-4", "v1-7", "v1-8", "v1-11", "v2-9"])
def test_every_line_of_a_table_stands_beside_a_run(add, table: str) -> None:
    names = ("table1", "table2", "table3", "table4", "table7", "table8", "table11", "v2_table9")
    runs = add(*names).runs.values()
    with FIGURES.open(newline="") as file:
        lines = [row for row in csv.DictReader(file) if row["table"] == table]
    shown = [figure for run in runs for figure in figures_of(run)]
    assert lines and all(line in shown for line in lines)


@pytest.mark.parametrize("name", [*PAPER, "findings"])
def test_a_concept_of_an_experiment_is_described_without_its_name(name: str) -> None:
    for key, concept in own(name)["concepts"].items():
        assert wording.problems(concept["name"], concept["description"], max_words=40) == [], key


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_s_concepts_are_described_as_in_the_library(name: str) -> None:
    library = {
        (concept, entry["article"], entry["description"])
        for group in LIBRARY
        for concept, entry in document.read(ROOT / "captions" / "library" / f"{group}.yaml").items()
    }
    by_length = document.read(ROOT / "captions" / "library" / "rare_by_length.yaml").items()
    library |= {(name, entry["article"], entry[length]) for name, entry in by_length for length in ("short", "medium")}
    for concept in own(name)["concepts"].values():
        assert (concept["name"], concept["article"], concept["description"]) in library


def test_nothing_of_the_findings_is_to_be_fetched(add) -> None:
    loaded = add("findings")
    for key in own("findings")["runs"]:
        run = loaded.runs[key]
        assert run.weights == "data/weights/tiny_clip"
        assert all(data.startswith("data/world") for data in (run.known, run.target_data, run.retention_data))


@pytest.mark.parametrize("name", [*PAPER, "findings"])
def test_the_page_about_the_paper_lists_an_experiment_with_its_number_of_runs(name: str) -> None:
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    assert f"| `{name}` | {len(own(name)['runs'])} |" in page
