"""Operations of a step, against numbers worked out by hand; a multiplication and an addition are two."""

import pytest
import torch
import torch.nn.functional as F

from stages.speed.arithmetic import operations


class Model:
    """What `operations` asks of a model: images of 4 x 4 pixels, embedded by a function."""

    image_size = 4
    device = torch.device("cpu")

    def __init__(self, embed):
        self.embed = embed

    def inversion_loss(self, images, target):
        return (self.embed(images).flatten(1) * target).sum(1)


def linear(images):
    """48 pixels to 5 numbers: 2 x 48 x 5 = 480 forward, as many back."""
    return F.linear(images.flatten(1), torch.ones(5, 48))


def convolution(images):
    """3 x 3 over 3 colours to 2 channels of 2 x 2: 2 x 27 x 2 x 4 = 432 forward, as many back."""
    return F.conv2d(images, torch.ones(2, 3, 3, 3))


def attention(images):
    """6 tokens of 8: two products of 2 x 6 x 6 x 8 = 576 forward, and four back."""
    tokens = images.reshape(1, 1, 6, 8)
    return F.scaled_dot_product_attention(tokens, tokens, tokens)


@pytest.mark.parametrize(("embed", "expected"), [(linear, 960), (convolution, 864), (attention, 6 * 576)])
def test_forward_and_gradient_to_the_pixels_are_counted(embed, expected):
    assert operations(Model(embed), torch.ones(1, 1)) == expected


def test_no_gradient_of_a_frozen_weight_is_counted_and_none_is_left():
    weight = torch.ones(5, 48)
    assert operations(Model(lambda images: F.linear(images.flatten(1), weight)), torch.ones(1, 1)) == 960
    assert weight.grad is None
