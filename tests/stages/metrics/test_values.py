"""The metrics on small matrices, masks and maps with known answers."""

import numpy as np
import pytest

from stages.metrics import agreement, called_new, dice, iou, nsd, nsd_slab, pointing, top1, top5

SIMILARITY = np.array([[1.0, 3.0, 2.0], [5.0, 2.0, 1.0], [0.1, 0.2, 0.3]])


def test_top1_by_hand():
    assert top1.compute(SIMILARITY, np.array([1, 1, 2]), set()).tolist() == [True, False, True]


def test_a_model_that_answers_the_same_for_all_classes_scores_no_top1():
    assert top1.compute(np.zeros((4, 3)), np.array([0, 0, 1, 2]), set()).mean() == 0


def test_top5_counts_the_fifth_and_not_the_sixth():
    similarity = np.array([[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]] * 2)
    assert top5.compute(similarity, np.array([4, 5]), set()).tolist() == [True, False]


def test_called_new_asks_what_the_model_says_not_what_is_true():
    labels = np.array([0, 0, 0])
    assert called_new.compute(SIMILARITY, labels, {1}).tolist() == [True, False, False]
    assert called_new.compute(SIMILARITY, labels, {1, 2}).tolist() == [True, False, True]


def test_without_new_names_nothing_is_called_new():
    assert not called_new.compute(SIMILARITY, np.array([0, 1, 2]), set()).any()


TRUTH = np.array([[True, True, False], [True, True, False]])
FOUND = np.array([[[True, True, True], [False, False, False]], [[True, True, False], [True, True, False]]])


def test_dice_and_intersection_over_union_by_hand():
    """Two of four pixels and one besides: Dice 2 * 2 / (4 + 3), and 2 of the 5 that either has."""
    assert dice.compute(TRUTH, FOUND).tolist() == pytest.approx([4 / 7, 1])
    assert iou.compute(TRUTH, FOUND).tolist() == pytest.approx([2 / 5, 1])


@pytest.mark.parametrize("metric", [nsd, nsd_slab])
def test_borders_count_as_far_as_two_pixels(metric):
    """A pixel has four corners of equal weight. Of one three pixels away two are two pixels from the nearest of it."""
    pixels = np.eye(12, dtype=bool)[:, None]  # a picture of one row; each has one pixel
    assert metric.compute(pixels[2], pixels[[2, 4, 5, 6, 11]]).tolist() == pytest.approx([1, 1, 0.5, 0, 0])
    across = pixels.transpose(0, 2, 1)
    assert metric.compute(across[2], across[[4, 5, 6]]).tolist() == pytest.approx([1, 0.5, 0])


def test_the_inside_of_a_mask_counts_in_the_slab_alone():
    truth, found = np.zeros((30, 30), bool), np.zeros((1, 30, 30), bool)
    truth[2:28, 2:28] = found[0, 8:22, 8:22] = True
    assert nsd.compute(truth, found).tolist() == [0]
    assert 0.5 < nsd_slab.compute(truth, found)[0] < 0.7


def test_pointing_asks_for_the_first_maximum_in_reading_order():
    maps = np.array([[[0, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 0, 0]], [[1, 0, 1], [0, 0, 0]]], np.float32)
    assert pointing.compute(TRUTH, maps).tolist() == [1, 0, 1]


def test_agreement_by_hand():
    """Of (0, 1, 2) and (0, 2, 1): centred (-1, 0, 1) and (-1, 1, 0), whose cosine is 1 / 2."""
    own = np.array([[[0, 1, 2]], [[0, 1, 2]], [[0, 1, 2]]], np.float32)
    other = np.array([[[0, 2, 1]], [[5, 7, 9]], [[2, 1, 0]]], np.float32)
    assert agreement.compute(own, other).tolist() == pytest.approx([0.5, 1, -1])
