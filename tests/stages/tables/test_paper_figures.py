"""The paper's figures: the file is whole, and a run is told which of them it cannot have."""

import csv
from types import SimpleNamespace

import pytest

from stages.common.entries import Paper
from stages.common.failures import UserError
from stages.tables.beside_paper import ASKED_BY
from stages.tables.paper_figures import BASELINE, BY_DESCRIPTION, FIGURES, compared, figures_of


def lines():
    with FIGURES.open(newline="") as file:
        return list(csv.DictReader(file))


def run(*papers, **recipes):
    return SimpleNamespace(key="together", papers=papers, recipes=recipes or {"paper": {}})


def named(*papers):
    return figures_of(run(*papers))


def test_a_run_has_the_figures_that_it_names_and_those_of_the_same_untouched_model():
    variants = {figure["variant"] for figure in named(Paper("v2-2", "ViT-L-14"))}
    assert variants == {"baseline", "description prompt, no training", "transfer"}
    assert {figure["model"] for figure in named(Paper("v1-1", "ViT-B-32"))} == {"ViT-B-32"}


def test_a_run_may_name_several_tables_or_none():
    both = named(Paper("v1-2", "MedCLIP-ViT"), Paper("v1-3", "MedCLIP-ViT", "baseline"))
    assert [figure["table"] for figure in both] == ["v1-2"] * 24 + ["v1-3"] * 6
    assert named() == ()


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
        named(paper)


@pytest.mark.parametrize("column", ["table", "model", "variant", "value"])
def test_every_figure_has_its(column):
    assert [line for line in lines() if not line[column]] == []


def test_the_file_has_its_columns_and_all_figures():
    assert set(lines()[0]) == {"table", "model", "variant", "concept", "benchmark", "metric", "lr", "value", "note"}
    assert len(lines()) == 542 + 16 + 42  # Table 6 repeats 16 of Table 9, Table 4 42 of Table 7


def test_a_variant_without_teaching_is_spelt_as_in_the_file():
    assert {BASELINE, BY_DESCRIPTION} == set(ASKED_BY) <= {line["variant"] for line in lines()}


def test_figures_of_other_models_are_named_by_no_run():
    with pytest.raises(UserError, match="table 'v1-5', of which stages/tables/paper_results.csv has no figure"):
        named(Paper("v1-5", "ViLBERT", "reference"))


def test_a_recipe_that_the_run_does_not_have_is_told_with_the_nearest():
    paper = Paper("v1-8", "ViLT-B-32", recipe="matchnig")
    with pytest.raises(
        UserError, match="paper says recipe 'matchnig'.*Did you mean 'matching'. It has: matching, paper"
    ):
        figures_of(run(paper, matching={}, paper={}))


def test_of_the_untouched_model_no_recipe_is_asked():
    assert figures_of(run(Paper("v1-3", "MedCLIP-ViT", "baseline"), replay={}))


def test_what_stands_beside_ours_says_its_recipe_and_has_the_run_s_batch():
    paper = Paper("v1-8", "ViLT-B-32", recipe="matching")
    assert len(figures_of(run(paper, matching={"batch": 16}))) == 6 * 12
    found = compared(run(paper, matching={"batch": 16}))
    assert [figure["recipe"] for figure in found] == [""] * 6 + ["matching"] * 6
    assert {figure["lr"] for figure in found} == {"", "1e-6"}
    assert len(compared(run(paper, matching={}))) == 6


def test_a_figure_that_two_entries_name_stands_there_once():
    papers = [Paper("v1-11", "ViLT-B-32", "implicit"), Paper("v1-11", "ViLT-B-32", "explicit-mlm")]
    assert len(compared(run(*papers))) == 6 + 2 * 30
