"""A run beside the paper, with figures that are printed there."""

import dataclasses

import pandas as pd
import pytest

from stages.common.entries import Paper
from stages.common.failures import UserError
from stages.tables import beside_paper
from stages.tables.beside_paper import FIGURES, build
from tests.stages.made_up_rows import result


def beside(paper, concepts=("moongate",), rates=None):
    made_up = result(concepts)
    rows = made_up.rows.replace({"learning_rate": rates or {}})
    return build(dataclasses.replace(made_up, rows=rows, paper=paper))


def found(table, asked, model):
    (line,) = table[(table["asked for"] == asked) & (table["model"] == model)].to_dict("records")
    return line


def test_a_run_that_names_no_table_has_nothing_beside_it():
    assert build(result()).empty


def test_each_figure_of_the_paper_stands_beside_ours_of_the_same_learning_rate():
    table = beside(Paper("v1-1", "ViT-B-32"), rates={1e-4: 1e-5, 2e-4: 5e-5})
    assert len(table) == 2 * (1 + 5)  # Table 1: the untouched model and five learning rates, target and ImageNet
    taught = found(table, "moongate", "taught, 1e-5")
    assert (taught["paper"], str(taught["ours"]), taught["difference"]) == ("10.0", "40.0 (30.0 to 50.0)", "+30.0")
    kept = found(table, "what was known (imagenet-1k)", "taught, 5e-5")
    assert (kept["paper"], kept["ours"].percent, kept["difference"]) == ("42.3", "55.0", "+12.7")
    assert (taught["pictures"], kept["pictures"]) == (10, 100)


def test_a_learning_rate_that_was_not_run_shows_the_paper_alone():
    line = found(beside(Paper("v1-1", "ViT-B-32")), "moongate", "taught, 3e-5")
    assert (line["paper"], line["ours"], line["difference"]) == ("90.0", None, None)


def test_only_concepts_of_the_run_are_shown():
    table = beside(Paper("v1-1", "ViT-B-32"), ("moongate", "gyroscope"))
    assert set(table["asked for"]) == {"moongate", "gyroscope", "what was known (imagenet-1k)"}


def test_prompting_with_the_description_is_compared_without_training():
    line = found(beside(Paper("v2-2", "ViT-L-14")), "moongate", "untouched, by description")
    assert (line["paper"], line["ours"].percent, line["difference"]) == ("100.0", "80.0", "-20.0")


def test_where_the_paper_states_no_learning_rate_ours_is_the_chosen_one():
    line = found(beside(Paper("v2-2", "ViT-L-14")), "moongate", "taught, chosen learning rate")
    assert (line["paper"], line["ours"].percent) == ("100.0", "40.0")


def test_concepts_that_the_paper_teaches_together_have_a_common_figure():
    table = beside(Paper("v1-3", "ViT-B-32"), ("cardiomegaly", "edema"), {1e-4: 5e-5})
    assert found(table, "cardiomegaly", "taught, 5e-5")["paper"] == "21.5"
    assert found(table, "all of them", "taught, 5e-5")["paper"] == "21.3"


def test_what_a_model_of_x_rays_knew_is_retention_and_not_target():
    table = beside(Paper("v1-2", "MedCLIP-ViT"), ("lung cancer",), {1e-4: 1e-4})
    line = found(table, "what was known (chexpert-5x200c)", "taught, 1e-4")
    assert (line["paper"], line["ours"].percent) == ("62.2", "88.0")


@pytest.mark.parametrize(
    ("paper", "told"),
    [
        (Paper("v1-11", "ViT-B-32"), "Did you mean 'ViLT-B-32'"),
        (Paper("v11", "ViT-B-32"), "Did you mean 'v1-1'"),
        (Paper("v2-9", "ViT-B-32", "transfer, no augmentation"), "Did you mean 'transfer, no augmentation, tv 0'"),
    ],
    ids=["model", "table", "variant"],
)
def test_figures_that_the_paper_does_not_print_are_told_with_the_nearest(paper, told):
    with pytest.raises(UserError, match=rf"params.yaml: runs.together.paper says .*{told}"):
        beside(paper)


@pytest.mark.parametrize("column", ["table", "model", "variant", "value"])
def test_the_figures_are_whole(column):
    figures = pd.read_csv(FIGURES, keep_default_na=False)
    assert len(figures) > 200
    assert (figures[column].astype(str) != "").all()
    assert set(figures.columns) == {
        "table",
        "model",
        "variant",
        "concept",
        "benchmark",
        "metric",
        "lr",
        "value",
        "note",
    }
    assert beside_paper.BY_DESCRIPTION in set(figures["variant"])
