"""Scales: means over blocks beside the pixels' own, in the gradient and in the noise."""

import pytest
import torch

from stages.common import seeds
from stages.inversion.scales import first_noise, layered_noise, over_scales
from stages.inversion.settings import Settings


def noise(side=48, scales=(2, 4, 8, 16), name="a"):
    return layered_noise(side, scales, seeds.generator("test", name))


def test_each_pixel_gets_the_mean_of_its_block_beside_its_own():
    """The mean of 1, 3, 5 and 7 is 4; a block as large as the image is flat however it is spread out."""
    gradient = torch.tensor([[[[1.0, 3], [5, 7]]]])
    assert over_scales(gradient, (2,)).tolist() == [[[[5.0, 7], [9, 11]]]]


def test_a_flat_gradient_counts_once_for_itself_and_once_for_each_scale():
    assert torch.equal(over_scales(torch.ones(1, 3, 10, 10), (2, 4, 8)), torch.full((1, 3, 10, 10), 4.0))


@pytest.mark.parametrize("scales", [(), (16,)])
def test_without_a_block_that_fits_the_gradient_stays_as_it_is(scales):
    gradient = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(over_scales(gradient, scales), gradient)


def test_an_edge_that_no_whole_block_covers_takes_the_mean_of_what_is_there():
    gradient = torch.zeros(1, 1, 3, 3)
    gradient[..., 2] = 1.0
    assert over_scales(gradient, (2,))[0, 0, :, 2].tolist() == [2.0, 2.0, 2.0]


def test_without_scales_the_noise_is_white():
    assert torch.equal(noise(scales=()), torch.rand(3, 48, 48, generator=seeds.generator("test", "a")))


def test_noise_lies_in_zero_one_around_the_middle_and_is_its_generators_own():
    assert noise().min() >= 0 and noise().max() <= 1
    assert noise().mean().item() == pytest.approx(0.5, abs=0.1)
    assert torch.equal(noise(), noise())
    assert not torch.equal(noise(), noise(name="b"))


def test_noise_of_several_scales_has_larger_patches_than_white_noise():
    layered, white = ((one[..., 1:] - one[..., :-1]).std() / one.std() for one in (noise(), noise(scales=())))
    assert white.item() == pytest.approx(2**0.5, abs=0.1)  # neighbours know nothing of each other
    assert layered < 1


def test_noise_of_an_image_smaller_than_a_block_leaves_that_block_out():
    assert torch.equal(noise(side=6), noise(side=6, scales=(2, 4)))


def test_uniform_noise_begins_as_the_scales_say_and_normal_noise_without_them():
    def begun(start, scales):
        return first_noise(48, Settings(start=start, scales=scales), seeds.generator("test", "a"))

    assert torch.equal(begun("uniform", ()), noise(scales=())) and torch.equal(
        begun("uniform", (2, 4)), noise(48, (2, 4))
    )
    assert torch.equal(begun("normal", ()), begun("normal", (2, 4)))


def test_normal_noise_is_n_0_1_as_vilt_scales_its_pixels_but_for_what_no_pixel_can_be():
    """A third of the draws lies beyond one deviation, where a pixel is black or white."""
    begun = first_noise(96, Settings(start="normal"), seeds.generator("test", "a"))
    white = torch.randn(3, 96, 96, generator=seeds.generator("test", "a"))
    inside = (begun > 0) & (begun < 1)
    torch.testing.assert_close((2 * begun - 1)[inside], white[inside], atol=1e-6, rtol=0)
    assert torch.equal(begun[~inside], (white[~inside] > 0).float())
    assert inside.float().mean().item() == pytest.approx(0.683, abs=0.01)
