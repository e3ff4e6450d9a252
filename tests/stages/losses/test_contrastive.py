"""The authors' contrastive loss against numbers worked by hand and a slow, obvious reference."""

import math

import pytest
import torch
import torch.nn.functional as F

from stages.losses.contrastive import contrastive


def test_two_perfect_pairs_by_hand():
    """Every feature sees its partner at 1 and two others at 0: -log(e / (e + 1 + 1))."""
    loss = contrastive(torch.eye(2), torch.eye(2), temperature=1.0)
    assert loss.tolist() == pytest.approx([math.log(math.e + 2) - 1] * 2)


def test_a_single_pair_has_no_negatives():
    assert contrastive(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])).tolist() == pytest.approx([0.0])


def test_it_agrees_with_loops():
    generator = torch.Generator().manual_seed(0)
    images, texts = (F.normalize(torch.randn(3, 4, generator=generator), dim=1) for _ in range(2))
    features = [*images, *texts]
    numbers = []
    for place, feature in enumerate(features):
        others = [math.exp(float(feature @ other) / 0.07) for other in features if other is not feature]
        numbers.append(-math.log(math.exp(float(feature @ features[(place + 3) % 6]) / 0.07) / sum(others)))
    expected = [(numbers[i] + numbers[i + 3]) / 2 for i in range(3)]
    assert contrastive(images, texts).tolist() == pytest.approx(expected, rel=1e-4)


def test_images_move_to_their_text_even_where_all_texts_are_the_same():
    """The symmetric CLIP loss has no pull here; see the design of the recipe `paper`."""
    text = F.normalize(torch.tensor([1.0, 0.0, 0.0]), dim=0).expand(4, 3)
    images = torch.tensor([[0.2, 1.0, 0.1], [0.2, 0.9, 0.3], [0.2, 1.0, -0.1], [0.2, 1.1, 0.0]], requires_grad=True)
    before = F.normalize(images, dim=1) @ text[0]
    optimizer = torch.optim.SGD([images], lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        contrastive(F.normalize(images, dim=1), text).mean().backward()
        optimizer.step()
    assert bool((F.normalize(images, dim=1) @ text[0] > before + 0.1).all())


def test_different_shapes_are_an_error():
    with pytest.raises(ValueError, match="one shape"):
        contrastive(torch.eye(2), torch.eye(3))


def test_a_temperature_of_zero_is_an_error():
    with pytest.raises(ValueError, match="temperature above 0"):
        contrastive(torch.eye(2), torch.eye(2), temperature=0.0)
