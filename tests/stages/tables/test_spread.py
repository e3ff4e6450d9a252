from stages.tables.spread import build
from tests.stages.tables.many import LABELS, many


def test_concepts_that_are_listed_have_no_spread():
    assert build(many(12)).empty


def test_the_spread_is_that_of_single_concepts_worked_by_hand():
    """Of 20 concepts concept n is found n times in 20 by the taught model, twice in 20 by the untouched."""
    taught = build(many(20)).set_index(["recipe", "setting"]).loc["replay", "taught"]
    assert taught.to_dict() == {
        "concepts": "20",
        "worst": "0.0",
        "median": "47.5",  # between 9 and 10 in 20
        "best": "95.0",
        "found more often": "17",  # 3 to 19
        "never found": "1",
    }


def test_the_untouched_model_and_the_controls_stand_beside_it():
    table = build(many(20))
    settings = ["by name", *["taught", "noise", "wrong description"] * 2]
    assert table["setting"].tolist() == settings
    assert table["median"].tolist()[:1] == ["10.0"] and table["found more often"].tolist()[0] == ""


def test_the_best_and_the_worst_are_listed_best_first():
    assert many(20).listed == [*reversed(LABELS[14:20]), *reversed(LABELS[:6])]
    assert many(12).listed == LABELS[:12]
