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
