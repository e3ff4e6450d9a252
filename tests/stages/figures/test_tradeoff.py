import pytest

from stages.figures.tradeoff import draw
from stages.tables.contract import averages
from tests.stages.made_up_rows import result, retrieval

WORDS = {"paper": "the paper's recipe"}


def test_a_recipe_is_a_line_through_the_means_of_its_learning_rates():
    axes = draw(averages(result()), 0.02, words=WORDS).axes[0]
    line = next(line for line in axes.lines if line.get_label() == "the paper's recipe")
    assert line.get_xdata() == pytest.approx([0.88, 0.55])
    assert line.get_ydata() == pytest.approx([0.4, 0.8])


def test_the_chosen_learning_rate_is_the_large_mark():
    axes = draw(averages(result()), 0.02, words=WORDS).axes[0]
    large = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_markersize() == 9]
    assert large == [tuple(map(pytest.approx, point)) for point in ((0.88, 0.4), (0.89, 0.95))]


def test_controls_are_hollow_and_in_the_legend():
    figure = draw(averages(result()), 0.02, words=WORDS)
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "none" and len(line.get_xdata())]
    assert len(hollow) == 4  # two controls of two recipes
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"the paper's recipe", "replay", "control: noise", "untouched, by name"} <= set(words)


def test_a_small_multiple_has_no_legend():
    assert draw(averages(result()), 0.02, words=WORDS, is_small=True).legends == []


def test_every_mark_and_tick_lies_inside_the_frame():
    axes = draw(averages(result()), 0.02, words=WORDS).axes[0]
    low, high = axes.get_xlim()
    assert low < 0.5 and high > 0.9
    assert all(low <= tick <= high for tick in axes.get_xticks())
    assert len(axes.get_xticks()) >= 3


@pytest.mark.parametrize(("budget", "side"), [(0.02, "right"), (0.9, "left")], ids=["narrow zone", "all of it"])
def test_the_words_of_the_zone_stay_inside_the_frame(budget, side):
    figure = draw(averages(result()), budget, words=WORDS)
    (words,) = [text for text in figure.axes[0].texts if "loses at most" in text.get_text()]
    assert words.get_horizontalalignment() == side
    figure.draw_without_rendering()
    frame, box = figure.axes[0].get_window_extent(), words.get_window_extent()
    assert frame.x0 <= box.x0 and box.x1 <= frame.x1


def test_a_run_of_one_recipe_without_controls_and_spread_can_be_drawn():
    lines = averages(result(("moongate",), controls={}, seeds=1))
    only = lines[(lines["recipe"] != "paper") & (lines["rate"] != "3e-4")]
    assert draw(only, 0.0, words={}).axes[0].get_xlim()[0] < 0.88


def test_the_upward_axis_is_called_as_the_target_number_is():
    made_up = retrieval()
    axes = draw(averages(made_up), 0.02, words=WORDS, target=made_up.target).axes[0]
    assert axes.get_ylabel() == "target, text R@1"
    assert draw(averages(result()), 0.02, words=WORDS).axes[0].get_ylabel() == "target accuracy"
