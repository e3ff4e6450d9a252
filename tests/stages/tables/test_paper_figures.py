"""The paper's figures: the file is whole, and a run is told which of them it cannot have."""

import csv
from types import SimpleNamespace

import pytest

from stages.common.entries import Paper
from stages.common.failures import UserError
from stages.tables.beside_paper import ASKED_BY
from stages.tables.paper_figures import BASELINE, BY_DESCRIPTION, FIGURES, figures_of


def lines():
    with FIGURES.open(newline="") as file:
        return list(csv.DictReader(file))


def named(*papers):
    return figures_of(SimpleNamespace(key="together", papers=papers))


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
    assert len(lines()) == 542


def test_a_variant_without_teaching_is_spelt_as_in_the_file():
    assert {BASELINE, BY_DESCRIPTION} == set(ASKED_BY) <= {line["variant"] for line in lines()}
