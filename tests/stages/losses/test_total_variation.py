"""Total variation against numbers worked by hand and a slow, obvious reference."""

import math

import pytest
import torch

from stages.losses.total_variation import add_gradient, total_variation

ROOT_2 = math.sqrt(2)


def picture(*rows):
    """One grey picture [1, 3, H, W] from its rows of pixels."""
    return torch.tensor(rows, dtype=torch.float32).expand(1, 3, -1, -1)


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        (([0, 1], [1, 0]), 2 * ROOT_2),  # two steps of 1 across, two down, none on the diagonals
        (([0, 1], [0, 1]), ROOT_2 + 2),  # two steps across, none down, one on each diagonal
        (([0.0, 0.5, 1.0], [0.0, 0.5, 1.0]), 1 + ROOT_2),  # four halves across, two on each diagonal
        (([0.7, 0.7], [0.7, 0.7]), 0.0),
    ],
)
def test_small_pictures_give_what_the_hand_gives(rows, value):
    assert total_variation(picture(*rows)).tolist() == pytest.approx([value], abs=1e-5)


def test_each_image_has_its_own_number():
    images = torch.cat([picture([0, 1], [1, 0]), picture([0, 0], [0, 0]), picture([0, 1], [0, 1])])
    assert total_variation(images).tolist() == pytest.approx([2 * ROOT_2, 0, ROOT_2 + 2], abs=1e-5)


def test_it_agrees_with_loops_over_pixels():
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    for image, value in zip(images, total_variation(images), strict=True):
        norms = []
        for channel in image.tolist():
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
                steps = [
                    channel[y + down][x + right] - channel[y][x]
                    for y in range(4 - down)
                    for x in range(5)
                    if 0 <= x + right < 5
                ]
                norms.append(math.sqrt(sum(step**2 for step in steps)))
        assert value.item() == pytest.approx(sum(norms) / 3, rel=1e-5)


def test_a_flat_image_is_at_rest():
    flat = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    total_variation(flat).sum().backward()
    assert torch.equal(flat.grad, torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 3, 1, 4), (1, 3, 4, 1)])
def test_a_wrong_shape_is_an_error(shape):
    with pytest.raises(ValueError, match="at least 2 x 2"):
        total_variation(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(2, 3, 6, 5), (1, 3, 2, 2), (3, 1, 7, 9)], ids=str)
def test_the_gradient_by_hand_is_that_of_autograd(shape):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    (expected,) = torch.autograd.grad(0.3 * total_variation(images).sum(), images)
    gradient = torch.ones(shape)
    add_gradient(gradient, images.detach(), 0.3)
    torch.testing.assert_close(gradient, expected + 1, atol=1e-6, rtol=1e-5)


def test_the_gradient_by_hand_leaves_a_flat_image_at_rest():
    gradient = torch.zeros(1, 3, 4, 4)
    add_gradient(gradient, torch.full((1, 3, 4, 4), 0.5), 1.0)
    assert torch.equal(gradient, torch.zeros(1, 3, 4, 4))
