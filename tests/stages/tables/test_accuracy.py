from stages.tables.accuracy import build
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
    assert rows == ["target accuracy", "retention accuracy", "retention loss", "known called new"]
