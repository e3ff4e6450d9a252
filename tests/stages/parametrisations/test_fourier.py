"""Waves make the pictures that the hand says."""

import math

import pytest
import torch

from stages.parametrisations import fourier


def waves(side):
    return torch.zeros(1, 3, side, side // 2 + 1, 2)


def test_no_waves_are_an_even_grey():
    assert torch.equal(fourier.images([waves(8)]), torch.full((1, 3, 8, 8), 0.5))


def test_one_wave_across_is_a_cosine_in_the_colours_of_its_direction():
    leaf = waves(8)
    leaf[0, 0, 0, 1, 0] = 1.0
    weight = fourier._weights(8, leaf.device)[0, 1].item()
    image = fourier.images([leaf])[0]
    for column in range(8):
        light = 2 * weight / 8 * math.cos(2 * math.pi * column / 8)  # both halves of the spectrum, over sqrt(8 x 8)
        for channel, share in enumerate(fourier.COLORS[0]):
            assert image[channel, 3, column].item() == pytest.approx(1 / (1 + math.exp(-share * light)), abs=1e-6)


def test_a_wave_of_half_the_length_weighs_half():
    weights = fourier._weights(16, torch.device("cpu"))
    assert (weights[0, 2] / weights[0, 4]).item() == pytest.approx(2)
    assert weights[0, 0] == weights[0, 1]  # the even grey weighs as the broadest wave
