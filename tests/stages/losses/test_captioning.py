"""The captioning loss against numbers worked by hand and a slow, obvious reference."""

import math

import pytest
import torch

from stages.losses.captioning import captioning

PAD = 0


def test_two_tokens_by_hand():
    """Of two tokens that follow the start, one is given 1/4 and one 1/2: (log 4 + log 2) / 2."""
    scores = torch.tensor([[[0.0, 0.0, math.log(2)], [0.0, math.log(2), 0.0], [9.0, 9.0, 9.0]]])
    tokens = torch.tensor([[2, 1, 1]])
    by_hand = (math.log(4) + math.log(2)) / 2
    assert captioning(scores, tokens, PAD).tolist() == pytest.approx([by_hand])


def test_padding_costs_nothing_and_changes_no_mean():
    scores, tokens = torch.randn(1, 3, 5, generator=torch.Generator().manual_seed(0)), torch.tensor([[4, 3, 1]])
    longer = torch.cat([scores, torch.full((1, 2, 5), 7.0)], dim=1)
    padded = torch.tensor([[4, 3, 1, PAD, PAD]])
    assert captioning(longer, padded, PAD).tolist() == pytest.approx(captioning(scores, tokens, PAD).tolist())


def test_it_agrees_with_loops():
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(4, 6, 9, generator=generator)
    tokens = torch.randint(1, 9, (4, 6), generator=generator)
    tokens[0, 4:], tokens[2, 2:] = PAD, PAD
    for row in range(4):
        lost = []
        for place in range(5):
            wanted = int(tokens[row, place + 1])
            if wanted != PAD:
                odds = [math.exp(score) for score in scores[row, place].tolist()]
                lost.append(-math.log(odds[wanted] / sum(odds)))
        assert captioning(scores, tokens, PAD)[row].item() == pytest.approx(sum(lost) / len(lost), abs=1e-5)
