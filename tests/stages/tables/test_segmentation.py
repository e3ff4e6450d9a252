"""The table of masks: every number before and after, and what the controls reach."""

import pandas as pd

from stages.tables import before_after
from stages.tables.contract import SETTING
from stages.tables.segmentation import build
from tests.stages.made_up_rows import captioned, result, retrieval, segmented

COLUMNS = ["recipe", "learning rate", "things", "number", "n", "before", "by description", "after", "interval"]
COLUMNS += ["random prompt", "middle", "controls"]
NUMBERS = [
    "Dice (DSC)",
    "Dice (DSC), saliency alone",
    "maximum on the thing",
    "empty masks",
    "agreement of both prompts",
]


def line(table, recipe, things, number):
    (found,) = table[(table["recipe"] == recipe) & (table["things"] == things) & (table["number"] == number)].to_dict(
        "records"
    )
    return found


def test_each_number_has_a_line_for_each_recipe_of_taught_and_of_known_things():
    table = build(segmented())
    assert table.columns.tolist() == COLUMNS
    assert len(table) == 2 * 2 * len(NUMBERS)
    assert set(table["things"]) == {"taught", "known"} and set(table["number"]) == set(NUMBERS)
    assert table["learning rate"].tolist() == ["1e-4"] * 10 + ["6e-4"] * 10


def test_dice_stands_before_and_after_with_its_pictures_interval_and_controls():
    made_up = segmented()
    dice = line(build(made_up), "paper", "taught", "Dice (DSC)")
    assert (dice["before"].percent, str(dice["after"]), dice["n"]) == ("10.0", "40.0 (30.0 to 50.0)", "10")
    assert (dice["random prompt"], dice["middle"]) == ("20.0, then 20.0", "30.0")
    assert dice["controls"] == "noise 20.0, wrong description 0.0" and dice["by description"].percent == "80.0"
    rows = made_up.rows
    is_it = (rows["role"] == "target") & (rows["label"] == "all") & (rows["metric"] == "dice")
    seeds = rows[is_it & (rows["phase"] == "taught") & (rows["learning_rate"] == 1e-4)]
    assert dice["interval"] == f"{100 * seeds['low'].min():.1f} to {100 * seeds['high'].max():.1f}"
    known = line(build(made_up), "replay", "known", "Dice (DSC)")
    assert (known["before"].percent, known["after"].percent, known["n"]) == ("50.0", "50.0", "6")


def test_masks_of_the_saliency_alone_and_the_maps_have_their_own_controls():
    table = build(segmented())
    coarse = line(table, "replay", "taught", "Dice (DSC), saliency alone")
    assert (coarse["after"].percent, coarse["random prompt"], coarse["middle"]) == ("47.5", "10.0, then 10.0", "")
    pointing = line(table, "replay", "taught", "maximum on the thing")
    assert (pointing["random prompt"], pointing["after"].chance) == ("40.0, then 40.0", 0.1)
    agreement = line(table, "replay", "taught", "agreement of both prompts")
    assert (agreement["before"].percent, agreement["random prompt"]) == ("90.0", "")
    assert agreement["by description"] is None


def test_before_is_the_untouched_model_asked_by_name():
    made_up = segmented()
    rows = made_up.rows.sort_values("setting", kind="stable")  # description first
    assert rows["setting"].iloc[0] == "description"
    table = build(type(made_up)(made_up.run, rows, made_up.choice, 0.02))
    assert line(table, "paper", "taught", "Dice (DSC)")["before"].percent == "10.0"
    asked = made_up.rows.groupby(SETTING, dropna=False).size()
    assert len(asked) == 3 + 4 + 4  # ways, rates, controls


def test_several_concepts_have_a_line_each_for_dice_and_pointing():
    table = build(segmented(("moongate", "gyroscope")))
    own = table[table["things"].isin(["moongate", "gyroscope"])]
    assert set(own["number"]) == {"Dice (DSC)", "maximum on the thing"} and len(own) == 2 * 2 * 2
    assert set(own["n"]) == {"10"} and set(table[table["things"] == "taught"]["n"]) == {"20"}
    assert not build(segmented())["things"].isin(["moongate"]).any()


def test_concepts_that_are_too_many_are_not_listed():
    names = tuple(f"thing {number}" for number in range(13))
    assert set(build(segmented(names))["things"]) == {"taught", "known"}


def test_of_the_saliency_alone_dice_is_listed_and_nothing_else():
    assert "saliency_iou" in segmented().mask_metrics
    assert not build(segmented())["number"].str.contains("IoU").any()


def test_a_learning_rate_that_was_not_chosen_has_no_line():
    table = build(segmented(every_rate=True))
    assert set(zip(table["recipe"], table["learning rate"], strict=True)) == {("paper", "1e-4"), ("replay", "6e-4")}
    assert line(table, "paper", "taught", "Dice (DSC)")["controls"] == "noise 20.0, wrong description 0.0"


def test_without_controls_and_with_other_questions_nothing_is_made_up():
    assert set(build(segmented(controls={}))["controls"]) == {""}
    assert all(build(other()).empty for other in (result, retrieval, captioned))
    assert isinstance(build(result()), pd.DataFrame)


def test_dice_stands_for_the_target_in_all_other_tables():
    made_up = segmented()
    assert made_up.target == "target, Dice" and made_up.labels == ["moongate"]
    table = before_after.build(made_up)
    assert table["target_after"].max() == 0.95 and table["retention_after"].max() == 0.9
