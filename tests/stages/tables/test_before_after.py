import pandas as pd

from stages.tables.before_after import build
from tests.stages.made_up_rows import result


def lines_of(recipe, **how):
    return [line for line in build(result(**how)).to_dict("records") if line["recipe"] == recipe]


def test_each_learning_rate_has_one_line_and_the_chosen_one_is_marked():
    small, large = (line for line in lines_of("paper") if line["setting"] == "taught")
    assert (small["learning_rate"], small["chosen"], small["seeds"]) == (1e-4, "yes", 2)
    assert (large["learning_rate"], large["chosen"]) == (2e-4, "no")
    assert (small["within_budget"], large["within_budget"]) == ("yes", "no")  # they lose 2 points and 35, of 2 allowed
    assert (small["target_before"], small["target_after"]) == (0.1, 0.4)
    assert (small["retention_before"], small["retention_after"]) == (0.9, 0.88)
    assert (small["target_pictures"], small["retention_pictures"]) == (20, 100)


def test_the_untouched_model_has_a_line_for_each_way_of_asking_it():
    lines = lines_of("untouched")
    assert [line["setting"] for line in lines] == ["name", "description", "name and description"]
    assert [line["target_before"] for line in lines] == [0.1, 0.8, 0.7]
    assert all(pd.isna(line[name]) for line in lines for name in ("learning_rate", "target_after", "seeds", "chosen"))


def test_the_controls_of_the_chosen_rate_stand_behind_their_recipe():
    *_, noise, wrong = lines_of("replay")
    assert (noise["setting"], noise["learning_rate"], noise["target_after"]) == ("noise", 6e-4, 0.2)
    assert pd.isna(noise["chosen"])
    assert (wrong["setting"], wrong["target_before"], wrong["target_after"]) == ("wrong_description", 0.1, 0.0)


def test_a_run_without_controls_has_no_line_of_them():
    assert {line["setting"] for line in lines_of("replay", controls={})} == {"taught"}
