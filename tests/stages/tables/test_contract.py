import math

import pytest

from stages.tables.contract import Average, averages, control_lines, per_cent, rate, taught_line, untouched_line
from tests.stages.made_up_rows import result, retrieval


def test_an_average_is_the_mean_over_seeds_with_its_range():
    target = taught_line(averages(result()), "paper")["target"]
    assert (target.mean, target.least, target.greatest) == (pytest.approx(0.4), 0.3, 0.5)
    assert (target.seeds, target.n, target.chance) == (2, 20, 0.05)
    assert str(target) == "40.0 (30.0 to 50.0)"


def test_the_wilson_span_reaches_from_the_lowest_to_the_highest_end_of_all_seeds():
    target = taught_line(averages(result(("moongate",))), "replay")["target"]  # 9 of 10 and 10 of 10
    assert target.low == pytest.approx(0.596, abs=1e-3)
    assert target.high == pytest.approx(1.0)


def test_one_seed_has_no_range():
    assert str(Average(0.25, 0.25, 0.25, seeds=1, n=4)) == "25.0"


def test_the_loss_is_measured_from_the_untouched_model_prompted_by_name():
    lines = averages(result())
    loss = taught_line(lines, "paper")["loss"]
    assert (loss.mean, loss.least, loss.greatest) == tuple(map(pytest.approx, (0.02, 0.01, 0.03)))
    assert untouched_line(lines)["loss"] is None


def test_only_the_chosen_learning_rate_of_a_recipe_is_marked_even_if_its_last_digit_differs():
    made_up = result()
    rates = made_up.rows["learning_rate"].replace(6e-4, math.nextafter(6e-4, 1))
    lines = averages(type(made_up)(made_up.run, made_up.rows.assign(learning_rate=rates), made_up.choice, 0.02))
    marked = lines[lines["is_chosen"] & (lines["phase"] == "taught")]
    assert list(zip(marked["recipe"], marked["rate"], strict=True)) == [("paper", "1e-4"), ("replay", "6e-4")]


def test_controls_are_those_of_the_recipe():
    lines = averages(result())
    assert [line["setting"] for line in control_lines(lines, "replay")] == ["noise", "wrong_description"]


@pytest.mark.parametrize(("number", "text"), [(1e-4, "1e-4"), (0.00015, "1.5e-4"), (6e-05, "6e-5"), (0.01, "1e-2")])
def test_learning_rates_are_written_as_in_the_paper(number, text):
    assert rate(number) == text


def test_per_cent_never_shows_a_minus_before_zero():
    assert per_cent(-0.0001) == "0.0"


def test_captions_have_recalls_and_no_labels_and_classes_the_other_way_round():
    made_up = retrieval()
    assert made_up.recalls == ["text_recall@1", "text_recall@5", "image_recall@1", "image_recall@5"]
    assert (made_up.labels, made_up.target) == ([], "target, text R@1")
    assert (result().recalls, result().target) == ([], "target accuracy")
