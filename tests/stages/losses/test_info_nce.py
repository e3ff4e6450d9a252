"""InfoNCE against numbers worked by hand and a slow, obvious reference."""

import math

import pytest
import torch

from stages.losses.info_nce import info_nce


def test_one_positive_and_one_negative_by_hand():
    """exp(0) / (exp(0) + exp(log 3)) = 1 / 4."""
    loss = info_nce(torch.tensor([[0.0, math.log(3)]]), ["a"], ["a", "b"])
    assert loss.tolist() == pytest.approx([math.log(4)])


def test_equal_texts_share_the_target_by_hand():
    """Each "a" has 1 / (1 + 1 + 2) = 1 / 4, so -(log(1/4) + log(1/4)) / 2 = log 4."""
    loss = info_nce(torch.tensor([[0.0, 0.0, math.log(2)]]), ["a"], ["a", "a", "b"])
    assert loss.tolist() == pytest.approx([math.log(4)])


def test_copies_of_the_caption_never_push_the_image_away():
    logits = torch.tensor([[2.0, 2.0, 2.0]], requires_grad=True)
    info_nce(logits, ["a"], ["a", "a", "a"]).sum().backward()
    assert logits.grad.abs().max() < 1e-6


def test_a_copy_in_the_bank_does_not_change_the_pull_on_the_image():
    image = torch.tensor([1.0, 0.2], requires_grad=True)
    texts = {"a": torch.tensor([0.3, 0.9]), "b": torch.tensor([1.0, -0.5])}
    pulls = []
    for bank in (["a", "b"], ["a", "b", "a", "b"]):
        logits = torch.stack([image @ texts[text] for text in bank])[None]
        (pull,) = torch.autograd.grad(info_nce(logits, ["a"], bank).sum(), image)
        pulls.append(pull)
    torch.testing.assert_close(*pulls)


def test_it_agrees_with_loops():
    generator = torch.Generator().manual_seed(0)
    captions, bank = ["a", "c", "a"], ["a", "b", "c", "a", "d"]
    logits = torch.randn(3, 5, generator=generator)
    for row, caption, loss in zip(logits.tolist(), captions, info_nce(logits, captions, bank), strict=True):
        total = sum(math.exp(value) for value in row)
        positives = [value for value, text in zip(row, bank, strict=True) if text == caption]
        assert loss.item() == pytest.approx(-sum(math.log(math.exp(v) / total) for v in positives) / len(positives))


def test_a_caption_outside_the_bank_is_an_error():
    with pytest.raises(ValueError, match="lacks the caption 'c'"):
        info_nce(torch.zeros(1, 2), ["c"], ["a", "b"])


def test_lengths_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match=r"\[1, 3\]"):
        info_nce(torch.zeros(1, 3), ["a"], ["a", "b"])
