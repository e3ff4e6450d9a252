"""Text and image recall: by hand, beside torchmetrics, and what both promise."""

import numpy as np
import pytest
import torch
from torchmetrics.retrieval import RetrievalHitRate

from stages.metrics import image_recall, text_recall

BOTH = [text_recall, image_recall]
NO = -np.inf


def scene(seed=0, pictures=30, most=7):
    """Scores of pictures with one to `most` captions each, which lie in no order."""
    generator = np.random.default_rng(seed)
    owners = np.repeat(np.arange(pictures), generator.integers(1, most + 1, pictures))
    generator.shuffle(owners)
    return generator.normal(size=(pictures, len(owners))), owners


def places(metric, scores, owners):
    return metric.compute(np.array(scores, float), np.array(owners)).tolist()


def test_two_pictures_and_three_captions_by_hand():
    """Picture 0 has captions 0 and 1. Picture 1's caption is the closest to neither.

    Row 0 is 3, 1, 2: its caption 0 comes first. Row 1 is 2, 9, 1: its caption 2 comes last, third.
    Column 0 is 3, 2: its picture 0 first. Column 1 is 1, 9 and column 2 is 2, 1: their pictures come second.
    """
    scores, owners = [[3, 1, 2], [2, 9, 1]], [0, 0, 1]
    assert places(text_recall, scores, owners) == [1, 3]
    assert places(image_recall, scores, owners) == [1, 2, 2]


def test_a_caption_of_ones_own_is_never_in_the_way():
    assert places(text_recall, [[5, 4, 3, 1], [0, 0, 0, 9]], [0, 0, 0, 1]) == [1, 1]


def test_a_tie_counts_against():
    assert places(text_recall, [[1, 1], [1, 1]], [0, 1]) == [2, 2]
    assert places(image_recall, [[1, 1], [1, 1]], [0, 1]) == [2, 2]


@pytest.mark.parametrize("metric", BOTH)
def test_a_pair_that_nobody_looked_at_is_behind_the_last_place(metric):
    assert places(metric, [[NO, NO], [NO, 1]], [0, 1]) == [3, 1]


@pytest.mark.parametrize("metric", BOTH)
def test_no_number_is_never_right_and_stands_before_what_is(metric):
    scores = np.array([[1.0, np.nan], [np.nan, 2.0]])
    assert metric.compute(scores, np.array([0, 1])).tolist() == [2, 2]
    assert metric.compute(np.full((2, 2), np.nan), np.array([0, 1])).tolist() == [3, 3]


@pytest.mark.parametrize("k", text_recall.AT)
def test_recall_equals_the_hit_rate_of_torchmetrics(k):
    """Each picture is a query of torchmetrics over all captions; for image recall a caption is one."""
    noise, owners = scene()
    is_own = owners[None] == np.arange(30)[:, None]
    scores = noise + is_own
    for metric, told, right in ((text_recall, scores, is_own), (image_recall, scores.T, is_own.T)):
        queries = torch.arange(len(told))[:, None].expand(*told.shape)
        theirs = RetrievalHitRate(top_k=k)(torch.tensor(told), torch.tensor(right), indexes=queries)
        ours = (metric.compute(scores, owners) <= k).mean()
        assert ours == pytest.approx(theirs.item(), abs=1e-6) and 0 < ours < 1


@pytest.mark.parametrize("metric", BOTH)
@pytest.mark.parametrize("k", [1, 5, 10])
def test_chance_is_what_guessing_scores(metric, k):
    _, owners = scene(pictures=12)
    generator = np.random.default_rng(1)
    hits = [metric.compute(generator.normal(size=(12, len(owners))), owners) <= k for _ in range(2000)]
    assert np.mean(hits) == pytest.approx(metric.chance(owners, k), abs=0.01)


def test_chance_of_flickr30k_by_hand():
    owners = np.repeat(np.arange(1000), 5)
    assert text_recall.chance(owners, 1) == pytest.approx(5 / 5000)
    assert text_recall.chance(owners, 10) == pytest.approx(1 - np.prod([(4995 - i) / (5000 - i) for i in range(10)]))
    assert image_recall.chance(owners, 10) == 0.01


@pytest.mark.parametrize("metric", BOTH)
def test_what_cannot_but_happen_has_chance_one(metric):
    assert metric.chance(np.array([0, 1, 2]), 5) == metric.chance(np.array([0, 1, 2]), 3) == 1


@pytest.mark.parametrize("metric", BOTH)
def test_a_perfect_model_is_right_at_once(metric):
    _, owners = scene()
    perfect = (owners[None] == np.arange(30)[:, None]).astype(float)
    assert (metric.compute(perfect, owners) == 1).all()


@pytest.mark.parametrize("metric", BOTH)
def test_order_of_pictures_and_captions_and_scale_of_the_scores_do_not_matter(metric):
    scores, owners = scene()
    generator = np.random.default_rng(2)
    rows, columns = generator.permutation(len(scores)), generator.permutation(len(owners))
    new_place = np.argsort(rows)
    turned = metric.compute(3 * scores[rows][:, columns] + 1, new_place[owners[columns]])
    queries = rows if metric is text_recall else columns
    assert (turned == metric.compute(scores, owners)[queries]).all()
