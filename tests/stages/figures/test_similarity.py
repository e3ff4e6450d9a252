import pandas as pd

from stages.figures.similarity import draw


def test_a_curve_is_the_mean_over_images_at_each_step():
    history = pd.DataFrame({"step": [0, 0, 10, 10], "image": [0, 1, 0, 1], "similarity": [0.0, 0.2, 0.4, 0.8]})
    axes = draw({"moongate": history}).axes[0]
    assert axes.lines[0].get_xdata().tolist() == [0, 10]
    assert axes.lines[0].get_ydata().round(6).tolist() == [0.1, 0.6]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["moongate"]


def test_pictures_that_were_not_optimised_are_one_visible_point():
    history = pd.DataFrame({"step": [0, 0], "image": [0, 1], "similarity": [0.2, 0.4]})
    (line,) = draw({"moongate": history}).axes[0].lines
    assert (line.get_marker(), line.get_ydata().round(6).tolist()) == ("o", [0.3])


def test_more_concepts_than_colours_can_be_drawn():
    history = pd.DataFrame({"step": [0, 1], "image": [0, 0], "similarity": [0.0, 0.2]})
    assert len(draw({f"concept {i}": history for i in range(9)}).axes[0].lines) == 9
