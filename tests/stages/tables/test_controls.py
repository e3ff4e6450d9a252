from stages.tables.controls import build
from tests.stages.made_up_rows import result


def test_every_recipe_stands_above_its_controls_and_below_the_untouched_model():
    table = build(result())
    own = ["taught", "noise", "wrong description"]
    assert table["setting"].tolist() == ["by name", *own, *own]
    assert table["recipe"].tolist() == ["untouched", *["paper"] * 3, *["replay"] * 3]


def test_the_numbers_are_those_at_the_chosen_learning_rate():
    replay = build(result()).set_index(["recipe", "setting"]).loc["replay"]
    assert str(replay.loc["taught", "target accuracy"]) == "95.0 (90.0 to 100.0)"
    assert replay.loc["noise", "gyroscope"].percent == "20.0"
    assert (replay.loc["taught", "called new, before"].percent, replay.loc["taught", "called new, after"].percent) == (
        "0.0",
        "1.0",
    )


def test_a_run_without_controls_still_has_its_table():
    assert build(result(controls={}))["setting"].tolist() == ["by name", "taught", "taught"]


def test_a_single_control_is_shown_at_every_learning_rate_as_a_curve():
    made_up = result(("moongate",), controls={"no_name": 0.3}, every_rate=True)
    table = build(made_up)
    lines = table[["setting", "learning rate"]].iloc[1:].agg(" ".join, axis=1).tolist()
    paper = ["taught 1e-4 ✓", "no name 1e-4 ✓", "taught 2e-4", "no name 2e-4"]
    assert lines == [*paper, "taught 3e-4", "no name 3e-4", "taught 6e-4 ✓", "no name 6e-4 ✓"]
    assert table["target accuracy"].iloc[4].percent == "30.0"


def test_of_several_controls_each_is_shown_at_the_chosen_learning_rate_alone():
    table = build(result(every_rate=True))
    assert table["learning rate"].tolist() == ["", *["1e-4 ✓"] * 3, *["6e-4 ✓"] * 3]
