from dataclasses import replace

from stages.tables.contract import Choice
from stages.tables.failures import build
from tests.stages.made_up_rows import result
from tests.stages.tables.many import many


def findings(made_up, recipe="replay"):
    table = build(made_up)
    return table.loc[table["recipe"] == recipe, "finding"].tolist()


def changed(made_up, value, **where):
    rows = made_up.rows.copy()
    chosen = True
    for column, wanted in where.items():
        chosen = chosen & (rows[column] == wanted)
    rows.loc[chosen, "value"] = value
    return replace(made_up, rows=rows)


def test_a_run_that_went_well_has_no_finding():
    assert findings(result()) == []


def test_a_control_that_beats_the_taught_model_is_named():
    made_up = changed(result(), 1.0, phase="control", setting="noise", recipe="replay", label="gyroscope")
    assert findings(made_up) == [
        "gyroscope: the control “noise” reaches 100.0 %, no less than the taught model (95.0 %)."
    ]


def test_a_control_with_half_of_the_gain_is_named():
    made_up = changed(result(("moongate",)), 0.6, phase="control", setting="wrong_description", recipe="replay")
    assert (
        "moongate: the control “wrong description” reaches 60.0 %, half or more of the taught model's gain "
        "(10.0 to 95.0 %)." in findings(made_up)
    )


def test_a_missed_budget_is_said_with_what_was_lost():
    made_up = result()
    missed = replace(made_up, choice={**made_up.choice, "paper": Choice(2e-4, "", False)})
    assert findings(missed, "paper")[0] == (
        "The budget was missed: no learning rate loses at most 2.0 points; the one shown loses 35.0."
    )


def test_a_concept_that_was_not_learned_and_lies_below_chance_is_named():
    made_up = changed(result(controls={"noise": 0.0}), 0.0, phase="taught", label="moongate")
    rows = made_up.rows
    found = findings(replace(made_up, rows=rows.assign(high=rows["high"].where(rows["value"] > 0, 0.03))))
    assert "moongate: less is found than before, 10.0 % before and 0.0 % after." in found
    assert "moongate: 0.0 % lies below chance (5.0 %)." in found
    assert not [line for line in found if line.startswith("gyroscope")]


def test_known_pictures_that_take_the_new_name_are_told():
    made_up = changed(result(), 0.2, phase="taught", metric="called_new")
    assert findings(made_up) == [
        "Known pictures are called by a taught name more often: 0.0 % before, 20.0 % after.",
    ]


def test_a_description_that_does_better_untaught_is_told():
    assert findings(result(), "paper") == [
        "The untouched model does better when it is prompted by the description: 80.0 % against 40.0 % by name after "
        "teaching."
    ]


def test_an_accuracy_below_chance_whose_interval_reaches_above_is_no_finding():
    made_up = changed(result(controls={"noise": 0.0}), 0.0, phase="taught", label="moongate")
    assert not [finding for finding in findings(made_up) if "below chance" in finding]


def test_what_stays_as_it_was_is_not_learned():
    made_up = changed(result(controls={"noise": 0.0}), 0.1, phase="taught", label="moongate")
    assert "moongate: nothing was learned, 10.0 % before and 10.0 % after." in findings(made_up)


def test_no_controls_and_a_single_seed_are_told():
    found = findings(result(controls={}, seeds=1))
    assert [line.split()[0:2] for line in found] == [["No", "control"], ["One", "seed"]]


def test_of_many_concepts_those_with_the_same_finding_are_counted_in_one_sentence():
    """Of 20, found 0 to 19 times in 20, 2 by the untouched model: 0 and 1 are fewer, 2 is as many."""
    found = findings(many(20))
    assert "2 of 20 concepts: less is found than before (thing000, thing001)." in found
    assert "1 of 20 concepts: nothing was learned (thing002)." in found
    assert (
        "5 of 20 concepts: the control “noise” reaches no less than the taught model (thing000, thing001, thing002, "
        "thing003, thing004)." in found
    )
    assert not [line for line in found if line.startswith("thing")]


def test_findings_of_all_concepts_together_keep_their_figures_however_many_there_are():
    found = findings(changed(many(20), 0.0, phase="taught", label="all"))
    assert "all concepts: less is found than before, 10.0 % before and 0.0 % after." in found
