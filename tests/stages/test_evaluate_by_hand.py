"""evaluate: rows and choices worked by hand, without a model."""

from types import SimpleNamespace

import numpy as np
import pytest

from stages.common import lookup
from stages.evaluate import Exam, Question, baseline_prompts, choose, counted


def question(role, labels):
    return Question(role, f"{role}_pictures", (), (), np.array(labels))


def rows_of(scores, role, labels, metrics=("top1", "called_new")):
    """Rows of one question with two known classes, "arch" and "kite", and one taught, "moongate"."""
    found = {name: lookup.find("stages.metrics", name, "a test") for name in metrics}
    exam = Exam("run", ["arch", "kite", "moongate"], 2, [question(role, labels)], found)
    return list(exam.rows(lambda _: np.array(scores, float), phase="taught", setting="taught", seed=0))


SCORES = [[3, 2, 1], [1, 2, 3], [1, 3, 2], [1, 2, 3]]  # answers: arch, moongate, kite, moongate


def test_retention_is_asked_among_known_and_taught_names():
    rows = {(row["label"], row["metric"]): row for row in rows_of(SCORES, "retention", [0, 0, 1, 1])}
    assert {key: row["value"] for key, row in rows.items()} == {
        ("all", "top1"): 0.5,
        ("arch", "top1"): 0.5,
        ("kite", "top1"): 0.5,
        ("all", "called_new"): 0.5,
        ("arch", "called_new"): 0.5,
        ("kite", "called_new"): 0.5,
    }
    assert rows["all", "top1"]["n"] == 4 and rows["arch", "top1"]["n"] == 2
    assert rows["all", "top1"]["chance"] == rows["all", "called_new"]["chance"] == pytest.approx(1 / 3, abs=1e-6)


def test_the_target_is_not_asked_whether_it_is_called_by_its_name():
    rows = rows_of(SCORES, "target", [2, 2, 2, 2])
    assert [(row["label"], row["metric"], row["value"]) for row in rows] == [
        ("all", "top1", 0.5),
        ("moongate", "top1", 0.5),
    ]


def test_chance_of_top5_is_never_above_one():
    (row, *_) = rows_of(SCORES, "retention", [0, 0, 1, 1], ["top5"])
    assert (row["chance"], row["value"]) == (1.0, 1.0)


def test_a_share_has_its_wilson_interval():
    assert counted(np.array([True] * 10)) == {"value": 1.0, "n": 10, "low": 0.722467, "high": 1.0}


def test_the_untouched_model_is_asked_in_three_ways():
    run = SimpleNamespace(template="a photo of {}")
    concept = {"name": "moongate", "article": "a", "description": "a round opening"}
    assert baseline_prompts(run, [concept], {"arch": "a bow"}) == {
        "name": ["a photo of an arch", "a photo of a moongate"],
        "description": ["a bow", "a round opening"],
        "name and description": ["a photo of an arch, a bow", "a photo of a moongate, a round opening"],
    }


def measured(before, taught, setting="taught"):
    """Retention rows of a baseline and {learning rate: value of each seed} of the recipe `paper`."""
    common = {"role": "retention", "label": "all", "metric": "top1", "recipe": None, "learning_rate": None}
    rows = [{**common, "setting": "name", "value": before}, {**common, "setting": "description", "value": 0.1}]
    for rate, values in taught.items():
        rows += [{**common, "setting": setting, "recipe": "paper", "learning_rate": rate, "value": v} for v in values]
    return rows


def run_with(*rates, budget=0.02):
    return SimpleNamespace(recipes={"paper": {"learning_rates": list(rates)}}, retention_budget=budget)


@pytest.mark.parametrize(
    ("taught", "rate", "met"),
    [
        ({1e-4: [0.9, 0.9], 2e-4: [0.87, 0.89], 4e-4: [0.5, 0.6]}, 2e-4, True),  # 0.88 loses exactly 2 points
        ({1e-4: [0.9, 0.9], 2e-4: [0.86, 0.89], 4e-4: [0.5, 0.6]}, 1e-4, True),  # 0.875 loses 2.5
        ({1e-4: [0.7, 0.7], 2e-4: [0.95, 0.95]}, 2e-4, True),  # the largest, though a smaller one loses more
        ({1e-4: [0.7, 0.7], 2e-4: [0.8, 0.6], 4e-4: [0.75, 0.75]}, 4e-4, False),  # none: the one that loses least
    ],
)
def test_the_largest_rate_within_the_budget_is_chosen(taught, rate, met):
    choice = choose(measured(0.9, taught), run_with(*taught))["paper"]
    assert (choice["learning_rate"], choice["met_budget"]) == (rate, met)
    assert "0.02" in choice["rule"]


def test_neither_controls_nor_target_pictures_choose():
    rows = measured(0.9, {1e-4: [0.9], 2e-4: [0.1]})
    rows += measured(0.9, {2e-4: [0.9]}, "noise")[2:]
    rows += [{**row, "role": "target", "value": 1.0} for row in rows[2:]]
    assert choose(rows, run_with(1e-4, 2e-4))["paper"]["learning_rate"] == 1e-4
