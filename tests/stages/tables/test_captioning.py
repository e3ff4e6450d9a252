import pandas as pd

from stages.figures import tradeoff
from stages.tables import before_after, failures, overview
from stages.tables.captioning import build
from stages.tables.contract import averages
from tests.stages.made_up_rows import captioned, result, retrieval


def line(table, recipe, number):
    (found,) = table[(table["recipe"] == recipe) & (table["number"] == number)].to_dict("records")
    return found


def test_each_number_stands_before_and_after_with_its_interval_pictures_and_controls():
    table = build(captioned())
    assert table["recipe"].tolist() == ["paper"] * 3 + ["replay"] * 3
    cider = line(table, "paper", "CIDEr")
    assert (cider["before"].percent, str(cider["after"])) == ("20.0", "80.0 (60.0 to 100.0)")
    assert cider["controls"] == "noise 40.0, wrong description 0.0"
    assert (cider["learning rate"], cider["n"]) == ("1e-4", "10")
    assert line(table, "replay", "BLEU@4")["after"].percent == "47.5"
    assert line(table, "paper", "says a taught name where it belongs")["n"] == "4"


def test_a_name_stands_alone_only_where_several_are_taught():
    made_up = captioned()
    assert not build(made_up)["number"].str.contains("moongate").any()
    rows = made_up.rows
    other = rows[rows["label"] == "moongate"].assign(label="gyroscope")
    several = type(made_up)(made_up.run, pd.concat([rows, other], ignore_index=True), made_up.choice, 0.02)
    assert "says a taught name where it belongs, gyroscope" in set(build(several)["number"])


def test_without_controls_and_with_other_questions_nothing_is_made_up():
    assert set(build(captioned(controls={}))["controls"]) == {""}
    assert build(result()).empty and build(retrieval()).empty


def test_cider_stands_for_the_target_in_all_other_tables():
    made_up = captioned()
    assert (
        overview.build(made_up)[["measured", "best control"]].to_numpy().tolist()
        == [["target, CIDEr", "40.0 (noise)"]] * 2
    )
    assert before_after.build(made_up)["target_after"].max() == 1.9
    assert made_up.labels == []
    told = failures.build(captioned(controls={"noise": 0.45}))["finding"].tolist()
    assert "target, CIDEr: the control “noise” reaches 90.0, no less than the taught model (80.0)." in told
    assert not any("CIDEr" in one and "%" in one for one in told)


def test_the_figure_has_room_for_what_is_above_one_and_shows_no_per_cent():
    made_up = captioned()
    axes = tradeoff.draw(averages(made_up), 0.02, words={}, target=made_up.target).axes[0]
    assert axes.get_ylim()[1] > 2.0
    assert axes.yaxis.get_major_formatter()(1.0) == "100"
