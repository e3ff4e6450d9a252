"""What is special about each method."""

import numpy as np

from stages.common.segmenting import Settings
from stages.masks import kmeans, threshold


def lloyd(values):
    """Two centres of values, from the least and the greatest, until nothing moves: as the book says."""
    low, high = values.min(), values.max()
    while True:
        is_high = np.abs(values - high) < np.abs(values - low)
        moved = values[~is_high].mean(), values[is_high].mean()
        if moved == (low, high):
            return is_high
        low, high = moved


def test_clusters_by_hand():
    """Centres 0 and 1 take .4 and .6 apart; they move to .2 and .8, where they stay: the border is at 0.5."""
    found = kmeans.coarse(np.array([[0.0, 0.4], [0.6, 1.0]], np.float32), Settings())
    assert found.tolist() == [[False, False], [True, True]]


def test_the_border_moves_to_where_the_values_are():
    """Of 0, 0, 0, .3, .4, 1 the border .5 moves to (.14 + 1) / 2 = .57; without the 1 it moves down to between."""
    first = np.array([[0.0, 0.0, 0.0, 0.3, 0.4, 1.0]], np.float32)
    assert kmeans.coarse(first, Settings()).tolist() == [[False] * 5 + [True]]
    assert kmeans.coarse(first[:, :5], Settings()).tolist() == [[False] * 3 + [True] * 2]


def test_clusters_are_those_of_the_plain_algorithm():
    generator = np.random.default_rng(0)
    for power in (1, 2, 5):
        saliency = (generator.random((30, 41)) ** power).astype(np.float32)
        assert (kmeans.coarse(saliency, Settings()) == lloyd(saliency.astype(np.float64))).all()


def test_a_large_map_is_thinned_and_its_mask_has_every_pixel():
    y, x = np.mgrid[:700, :300]
    saliency = (np.clip(1.2 - np.hypot(y - 300, x - 120) / 200, 0, 1)).astype(np.float32)
    found = kmeans.coarse(saliency, Settings())
    assert found.shape == (700, 300)
    assert (found != lloyd(saliency.astype(np.float64))).mean() < 0.01


def test_a_small_map_is_not_thinned():
    saliency = np.random.default_rng(1).random((256, 100)).astype(np.float32)
    assert (kmeans._thinned(saliency) == saliency).all()
    assert kmeans._thinned(np.zeros((257, 600))).shape == (256, 256)


def test_a_threshold_leaves_out_what_equals_it():
    saliency = np.array([[0.0, 0.25, 0.5, 1.0]], np.float32)
    assert threshold.coarse(saliency, Settings(threshold=0.25)).tolist() == [[False, False, True, True]]
    assert not threshold.coarse(saliency, Settings(threshold=1.0)).any()
