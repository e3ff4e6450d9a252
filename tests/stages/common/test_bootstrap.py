"""The bootstrap over pictures: small cases worked by hand, and the same draws every time."""

import numpy as np
import pytest

from stages.common.bootstrap import DRAWS, interval, interval_of_mean, resamples


def test_a_sample_draws_as_many_pictures_as_there_are_and_all_models_share_the_draws():
    counts = resamples(5)
    assert counts.shape == (DRAWS, 5) and set(counts.sum(axis=1)) == {5}
    resamples.cache_clear()
    assert np.array_equal(resamples(5), counts)


def test_two_pictures_by_hand():
    """Of two pictures, one right, a sample has none right with 1/4, so the lower end of 95 % is 0, and the upper 1."""
    assert interval_of_mean(np.array([0.0, 1.0])) == (0.0, 1.0)


def test_what_is_the_same_for_every_picture_has_no_width():
    assert interval_of_mean(np.array([0.3, 0.3, 0.3])) == pytest.approx((0.3, 0.3))


def test_the_interval_of_a_mean_is_the_normal_one_where_pictures_are_many():
    values = np.random.default_rng(1).uniform(size=2000)
    low, high = interval_of_mean(values)
    reach = 1.96 * values.std() / np.sqrt(2000)
    assert (low, high) == pytest.approx((values.mean() - reach, values.mean() + reach), abs=0.1 * reach)


def test_a_number_of_summed_counts_equals_the_slow_loop_over_samples():
    counts = np.random.default_rng(2).integers(1, 9, (6, 2)).astype(float)
    slow = []
    for drawn in resamples(6):
        pictures = np.repeat(counts, drawn, axis=0)
        slow.append(pictures[:, 0].sum() / pictures[:, 1].sum())
    ours = interval(counts, lambda sums: sums[:, 0] / sums[:, 1])
    assert ours == pytest.approx(tuple(np.percentile(slow, (2.5, 97.5))))
