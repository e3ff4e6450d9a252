"""The recipes of a run: found by name, their settings checked, what they need asked for early."""

from dataclasses import replace

import pytest

from stages.common import params
from stages.common.failures import UserError
from stages.common.recipes import has_own_settings, recipes_of
from stages.recipes import paper, replay

RATES = {"learning_rates": [1e-3]}


@pytest.fixture(scope="module")
def run():
    return next(iter(params.load().runs.values()))


def test_each_recipe_comes_with_its_settings_defaults_where_nothing_is_written(run):
    found = recipes_of(replace(run, recipes={"replay": {**RATES, "epochs": 3}, "paper": RATES}))
    assert found == {"replay": (replay, replay.Settings(epochs=3)), "paper": (paper, paper.Settings())}


def test_a_misspelt_setting_names_the_nearest(run):
    with pytest.raises(UserError, match=r"recipes\.replay\.epohcs.*Did you mean 'epochs'"):
        recipes_of(replace(run, recipes={"replay": {**RATES, "epohcs": 3}}))


def test_a_recipe_that_replays_needs_images_to_replay(run):
    without = replace(run, replay_images=0, recipes={"replay": RATES})
    with pytest.raises(UserError, match="replay_images is 0.*'replay' needs"):
        recipes_of(without)
    off = {**RATES, "replay_weight": 0.0, "distillation_weight": 0.0}
    assert recipes_of(replace(without, recipes={"replay": off, "paper": RATES}))


def test_a_run_with_learning_rates_alone_has_nothing_that_could_be_wrong(run):
    assert not has_own_settings(replace(run, recipes={"replay": RATES, "paper": RATES}))
    assert has_own_settings(replace(run, recipes={"paper": {**RATES, "batch": 2}}))
    assert has_own_settings(replace(run, replay_images=0, recipes={"paper": RATES}))
