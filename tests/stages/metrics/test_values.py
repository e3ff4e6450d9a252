"""The metrics on small matrices with known answers."""

import numpy as np

from stages.metrics import called_new, top1, top5

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
