"""The random affine: in its ranges, and moving each image by its own."""

import math

import pytest
import torch

from stages.common.affine import draw_affines, move
from stages.common.affine_ranges import Affine

IDENTITY = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def generator():
    return torch.Generator().manual_seed(0)


def dot(row, column, side=8):
    image = torch.zeros(3, side, side)
    image[:, row, column] = 1
    return image


def test_the_identity_leaves_images_alone():
    images = torch.rand(2, 3, 8, 8, generator=generator())
    torch.testing.assert_close(move(images, torch.tensor([IDENTITY, IDENTITY])), images, atol=1e-5, rtol=0)


def test_a_shift_of_two_pixels_moves_a_dot_by_two_pixels():
    right = torch.tensor([[[1.0, 0.0, -2 * 2 / 8], [0.0, 1.0, 0.0]]])  # where each new pixel is fetched, 2 per side
    torch.testing.assert_close(move(dot(3, 2)[None], right)[0], dot(3, 4), atol=1e-5, rtol=0)


def test_a_quarter_turn_moves_a_dot_from_the_right_to_the_top_or_bottom():
    quarter = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])
    moved = move(dot(3, 6)[None], quarter)[0]
    torch.testing.assert_close(moved, dot(1, 3), atol=1e-5, rtol=0)


def test_each_image_goes_its_own_way():
    right = [[1.0, 0.0, -0.25], [0.0, 1.0, 0.0]]
    down = [[1.0, 0.0, 0.0], [0.0, 1.0, -0.25]]
    moved = move(torch.stack([dot(3, 3)] * 3), torch.tensor([right, down, IDENTITY]))
    torch.testing.assert_close(moved, torch.stack([dot(3, 4), dot(4, 3), dot(3, 3)]), atol=1e-5, rtol=0)


def test_half_size_shows_a_square_at_half_its_side():
    image = torch.zeros(1, 3, 16, 16)
    image[..., 4:12, 4:12] = 1
    half = draw_affines(Affine(probability=1, rotation_deg=0, shift_frac=0, scale=(0.5, 0.5)), 1, generator())
    expected = torch.zeros(1, 3, 16, 16)
    expected[..., 6:10, 6:10] = 1
    torch.testing.assert_close(move(image, half), expected, atol=1e-5, rtol=0)


def test_a_drawn_shift_of_a_quarter_moves_by_at_most_a_quarter():
    moves = draw_affines(Affine(probability=1, rotation_deg=0, shift_frac=0.25, scale=(1.0, 1.0)), 200, generator())
    for image in move(dot(8, 8, 16).expand(200, -1, -1, -1), moves):
        brightest = divmod(int(image[0].argmax()), 16)
        assert max(abs(place - 8) for place in brightest) <= 4


def test_without_a_chance_nothing_moves():
    assert draw_affines(Affine(probability=0), 5, generator()).tolist() == [IDENTITY] * 5


def test_the_ranges_are_kept_and_used_to_their_ends():
    moves = draw_affines(Affine(probability=0.5), 4000, generator())
    moved = moves[(moves != torch.tensor(IDENTITY)).any(2).any(1)]
    assert 0.46 < len(moved) / 4000 < 0.54
    turns = torch.atan2(moved[:, 1, 0], moved[:, 0, 0]) * 180 / math.pi
    sizes = torch.linalg.det(moved[:, :, :2]).rsqrt()
    shifts = -torch.linalg.solve(moved[:, :, :2], moved[:, :, 2:]) / 2  # in sides of the image
    for values, low, high in ((turns, -30, 30), (sizes, 0.7, 1.0), (shifts, -0.1, 0.1)):
        slack = 0.02 * (high - low)
        assert low - 1e-4 <= values.min() < low + slack
        assert high - slack < values.max() <= high + 1e-4


def test_a_gradient_reaches_the_pixels():
    images = torch.rand(2, 3, 8, 8, generator=generator()).requires_grad_()
    move(images, draw_affines(Affine(probability=1), 2, generator())).sum().backward()
    assert (images.grad.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize(
    "wrong", [{"probability": 1.5}, {"scale": (0.7,)}, {"scale": (0.0, 1.0)}, {"scale": (1.2, 0.7)}, {"shift_frac": -1}]
)
def test_ranges_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="affine|probability|scale"):
        Affine(**wrong)
