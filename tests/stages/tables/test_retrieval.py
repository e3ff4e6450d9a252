import pytest

from stages.tables import accuracy, before_after, controls, failures, overview
from stages.tables.contract import averages, untouched_line
from stages.tables.retrieval import build
from tests.stages.made_up_rows import result, retrieval

RECALLS = ["text R@1", "text R@5", "image R@1", "image R@5"]


def test_every_recall_has_a_column_and_every_setting_a_line():
    table = build(retrieval())
    assert table.columns.tolist() == ["recipe", "setting", "learning rate", "pictures", "captions", *RECALLS]
    own = ["taught", "taught", "noise", "wrong description"]
    assert table["setting"].tolist() == ["", *own, *own]
    assert table["learning rate"].tolist()[:5] == ["", "1e-4 ✓", "2e-4", "1e-4 ✓", "1e-4 ✓"]


def test_the_cells_are_the_means_over_seeds_with_their_range_and_the_queries_behind_them():
    table = build(retrieval()).set_index(["recipe", "setting", "learning rate"])
    cells = table.loc[("paper", "taught", "1e-4 ✓")]
    assert [str(cells[name]) for name in RECALLS] == [
        "40.0 (30.0 to 50.0)",
        "50.0 (40.0 to 60.0)",
        "20.0 (15.0 to 25.0)",
        "25.0 (20.0 to 30.0)",
    ]
    assert (cells["pictures"], cells["captions"]) == ("10", "50")
    assert table.loc[("untouched", "", ""), "text R@1"].percent == "10.0"


def test_a_run_that_asks_for_classes_has_no_such_table():
    assert build(result()).empty


def test_a_recall_alone_will_do():
    made_up = retrieval()
    rows = made_up.rows
    made_up = type(made_up)(made_up.run, rows[~rows["metric"].str.startswith("image")], made_up.choice, 0.02)
    assert build(made_up)["captions"].unique().tolist() == [""]


def test_text_recall_at_1_stands_for_the_target_in_all_other_tables():
    made_up = retrieval()
    assert untouched_line(averages(made_up))["target"].percent == "10.0"
    assert "target, text R@1" in accuracy.build(made_up).index
    assert "target, text R@1" in controls.build(made_up).columns
    assert (
        overview.build(made_up)[["measured", "best control"]].to_numpy().tolist()
        == [["target, text R@1", "20.0 (noise)"]] * 2
    )
    assert overview.build(result())["measured"].tolist() == ["target accuracy"] * 2


def test_ways_of_asking_that_captions_do_not_have_are_left_empty():
    untouched = before_after.build(retrieval()).iloc[:3]
    assert (
        untouched["target_before"].tolist()[0] == 0.1 and untouched["target_before"].isna().tolist()[1:] == [True] * 2
    )
    assert untouched["retention_before"].tolist() == [0.9] * 3
    table = accuracy.build(retrieval())
    assert table.loc["target, text R@1", ("untouched model, prompted by", "description")] is None


@pytest.mark.parametrize("share", [0.9, 0.05])
def test_what_was_not_learned_is_told_of_the_recall(share):
    made_up = retrieval(controls={})
    rows = made_up.rows.copy()
    rows.loc[(rows["phase"] == "taught") & (rows["metric"] == "text_recall@1"), "value"] = share
    found = failures.build(type(made_up)(made_up.run, rows, made_up.choice, 0.02))["finding"].tolist()
    told = "target, text R@1: less is found than before, 10.0 % before and 5.0 % after."
    assert (told in found) == (share == 0.05)
