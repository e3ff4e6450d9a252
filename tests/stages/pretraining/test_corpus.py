"""The corpus in memory: the same whoever draws it, and shown each time a little differently."""

import pytest
import torch

from stages.pretraining.corpus import augmented, drawn
from stages.world.corpus import kinds

PLAN = kinds(1, 0, 30)


@pytest.fixture(scope="module")
def few():
    return drawn(PLAN, 2, 0, 1)


def test_there_are_pictures_and_captions_of_every_kind(few):
    pictures, captions = few
    assert pictures.shape == (58 + 30, 48, 48, 3) and pictures.dtype == torch.uint8
    assert len(captions) == 88 * 2 and all(captions)
    kite = PLAN.index(("known", "kite"))
    assert all("kite" in text or "a " in text for text in captions[2 * kite : 2 * kite + 2])


def test_the_corpus_does_not_depend_on_the_number_of_processes():
    many = kinds(18, 0, 30)  # more than one piece of a thousand
    one, two = (drawn(many, 1, 0, workers) for workers in (1, 2))
    assert len(one[0]) == 18 * 58 + 30
    assert torch.equal(one[0], two[0]) and one[1] == two[1]


def test_another_seed_draws_other_pictures(few):
    pictures, captions = drawn(PLAN, 2, 1, 1)
    assert not torch.equal(pictures, few[0]) and captions != few[1]


def test_augmented_pictures_are_normalised_and_tinted_each_in_its_own_way():
    pictures = torch.full((200, 48, 48, 3), 127, dtype=torch.uint8)
    first, again, other = (augmented(pictures, torch.Generator().manual_seed(s), 0.5, 0.27) for s in (0, 0, 1))
    assert first.shape == (200, 3, 48, 48)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(first, first[..., :1, :1].expand_as(first))  # what was flat stays flat
    tints = first[..., 0, 0]
    assert abs(tints.mean()) < 0.05 and tints.std().item() == pytest.approx(0.06 / 0.27, rel=0.15)


def test_augmented_pictures_are_moved_by_at_most_three_pixels():
    pictures = torch.zeros(2, 48, 48, 3, dtype=torch.uint8)
    pictures[:, 10, 20] = 255
    places = set()
    for seed in range(60):
        seen = augmented(pictures, torch.Generator().manual_seed(seed), 0.5, 0.5)[0].sum(0)
        brightest = (seen - seen.median()).abs().argmax().item()
        places.add(divmod(brightest, 48))
    assert {row for row, _ in places} == set(range(7, 14))
    assert {column for _, column in places} == {*range(17, 24), *range(24, 31)}  # as it was, or mirrored
