"""Every parametrisation makes images of its own numbers, alone, in range, and moves them downhill."""

import pytest
import torch

from stages.common import lookup, seeds
from stages.inversion.settings import Settings
from tests.stages.inversion.linear import SIDE, Linear, targets

NAMES = lookup.names("stages.parametrisations")
each = pytest.mark.parametrize(
    "module", [lookup.find("stages.parametrisations", n, "a test") for n in NAMES], ids=NAMES
)
SETTINGS = Settings()


def begun(module, names="abc", side=SIDE):
    return module.start(side, SETTINGS, [seeds.generator("test", name) for name in names])


@each
def test_it_starts_with_different_images_of_the_side_that_was_asked_for_within_range(module):
    images = module.images(begun(module, side=12))
    assert images.shape == (3, 3, 12, 12)
    assert images.dtype == torch.float32
    assert (images >= 0).all() and (images <= 1).all()
    assert images.std() > 0.02
    assert (images[0] - images[1]).abs().max() > 0.05


@each
def test_an_image_depends_on_its_own_generator_and_numbers_alone(module):
    together, other = begun(module, "abc"), begun(module, "xbz")
    assert torch.equal(module.images(together)[1], module.images(other)[1])
    alone = [leaf[1:2] for leaf in together]
    torch.testing.assert_close(module.images(alone)[0], module.images(together)[1], atol=1e-6, rtol=0)


@each
def test_its_first_noise_is_centred_on_grey(module):
    images = module.images(begun(module, "abcdefgh", side=32))
    assert images.mean().item() == pytest.approx(0.5, abs=0.05)


@each
def test_a_small_step_against_its_gradients_lowers_the_loss_of_every_image(module):
    model, target = Linear(), targets(3)
    leaves = [leaf.requires_grad_() for leaf in begun(module)]
    images = module.images(leaves)
    seen = images.detach().requires_grad_()
    before = model.inversion_loss(seen, target)
    (gradient,) = torch.autograd.grad(before.sum(), seen)
    given = module.gradients(leaves, images, gradient, SETTINGS)
    assert [one.shape for one in given] == [leaf.shape for leaf in leaves]
    moved = [(leaf - 1e-3 * one / one.norm()).detach() for leaf, one in zip(leaves, given, strict=True)]
    assert (model.inversion_loss(module.images(moved), target) < before).all()


@each
def test_what_it_settles_makes_images_in_range_and_in_the_same_memory(module):
    leaves = [leaf + 3 * torch.randn_like(leaf) for leaf in begun(module)]
    places = [leaf.data_ptr() for leaf in leaves]
    module.settle(leaves)
    images = module.images(leaves)
    assert [leaf.data_ptr() for leaf in leaves] == places
    assert (images >= 0).all() and (images <= 1).all()


def test_only_pixels_are_the_images_themselves():
    said = {name: lookup.constant("stages.parametrisations", name, "OF_PIXELS") for name in NAMES}
    assert said == {name: name == "pixels" for name in NAMES}
