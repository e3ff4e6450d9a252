"""evaluate: choices worked by hand, without a model."""

from types import SimpleNamespace

import pytest

from stages.evaluate import choose


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
