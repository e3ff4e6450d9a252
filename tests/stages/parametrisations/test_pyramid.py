"""A pyramid has layers of every resolution, each over the whole image."""

import torch

from stages.common import seeds
from stages.inversion.settings import Settings
from stages.parametrisations import pyramid


def test_resolutions_are_the_powers_of_two_below_the_side_and_the_side():
    layers = pyramid.start(12, Settings(), [seeds.generator("test")])
    assert [layer.shape[-1] for layer in layers] == [1, 2, 4, 8, 12]


def test_the_coarsest_layer_colours_all_pixels_alike():
    layers = [torch.zeros(1, 3, side, side) for side in (1, 2, 4)]
    layers[0][0, 0] = 2.0
    image = pyramid.images(layers)[0]
    assert torch.equal(image[0], torch.full((4, 4), torch.tensor(2.0).sigmoid().item()))
    assert torch.equal(image[1:], torch.full((2, 4, 4), 0.5))
