from stages.tables.seeds import build
from tests.stages.made_up_rows import result
from tests.stages.tables.many import many


def test_every_seed_has_its_own_line_with_its_wilson_interval():
    table = build(result(("moongate",)))
    found = table[(table["recipe"] == "replay") & (table["learning rate"] == "6e-4") & (table["setting"] == "taught")]
    target = found[found["label"] == "moongate"].to_dict("records")
    assert [(line["seed"], line["value"], line["interval"]) for line in target] == [
        ("0", "90.0", "59.6 to 98.2"),
        ("1", "100.0", "72.2 to 100.0"),
    ]


def test_known_classes_are_left_to_the_csv_and_what_has_no_chance_shows_none():
    table = build(result())
    assert "ladder" not in set(table["label"])
    assert set(table.loc[table["metric"] == "called_new", "chance"]) == {""}
    assert set(table.loc[table["setting"] == "untouched, by name", "seed"]) == {""}


def test_concepts_that_are_not_listed_are_left_to_the_csv():
    made_up = many(20)
    assert set(build(made_up)["label"]) == {"all", *made_up.listed}
