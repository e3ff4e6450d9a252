import dataclasses

import pandas as pd

from stages.tables.accuracy import build
from stages.tables.contract import FEW
from tests.stages.made_up_rows import result


def test_the_columns_are_the_prompts_and_then_every_learning_rate_of_every_recipe():
    prompts = [("untouched model, prompted by", name) for name in ("name", "description", "name and description")]
    rates = [("paper", "1e-4 ✓"), ("paper", "2e-4"), ("replay", "3e-4"), ("replay", "6e-4 ✓")]
    assert build(result()).columns.tolist() == [("", "pictures"), *prompts, *rates]


def test_the_cells_are_the_numbers_worked_out_by_hand():
    table = build(result())
    assert str(table.loc["target accuracy", ("paper", "1e-4 ✓")]) == "40.0 (30.0 to 50.0)"
    assert str(table.loc["– moongate", ("paper", "2e-4")]) == "80.0 (70.0 to 90.0)"
    assert str(table.loc["retention accuracy", ("replay", "6e-4 ✓")]) == "89.0 (88.0 to 90.0)"
    assert str(table.loc["retention loss", ("paper", "2e-4")]) == "35.0 (30.0 to 40.0)"
    assert str(table.loc["known called new", ("replay", "3e-4")]) == "1.0 (1.0 to 1.0)"
    assert table.loc["target accuracy", ("", "pictures")] == "20"


def test_one_concept_alone_has_no_line_of_its_own_beside_all():
    rows = build(result(("moongate",))).index.tolist()
    known = ["– ladder", "– kite", "– None"]
    assert rows == ["target accuracy", "retention accuracy", *known, "retention loss", "known called new"]


def test_known_classes_that_are_too_many_are_left_to_the_table_of_those_that_lost_most():
    made_up = result()
    kite = made_up.rows[made_up.rows["label"] == "kite"]
    more = [kite.assign(label=f"class {number}") for number in range(FEW)]
    table = build(dataclasses.replace(made_up, rows=pd.concat([made_up.rows, *more])))
    assert not {"– kite", "– class 3"} & set(table.index)


def test_the_best_five_answers_have_lines_of_their_own_where_they_were_asked_for():
    made_up = result()
    everything = made_up.rows[(made_up.rows["label"] == "all") & (made_up.rows["metric"] == "top1")]
    table = build(dataclasses.replace(made_up, rows=pd.concat([made_up.rows, everything.assign(metric="top5")])))
    assert str(table.loc["target, top 5", ("paper", "1e-4 ✓")]) == "40.0 (30.0 to 50.0)"
    assert str(table.loc["retention, top 5", ("replay", "6e-4 ✓")]) == "89.0 (88.0 to 90.0)"
