"""gradient: the product of activations and derivatives, against captum's and one worked by hand."""

import pytest
import torch
from captum.attr import LayerGradientXActivation

from stages.common import lookup
from stages.common.segmenting import Settings
from stages.saliency import gradient
from stages.saliency.contract import over_places
from tests.stages.models.tiny import run_for
from tests.stages.saliency.one_place import SIDE, OnePlace

TEXTS = ["a photo of a cat", "dogs on a street", "a lung"]
SEEDS = [0, 0, 0]


@pytest.fixture
def images():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def loaded(tiny_models, family, kind):
    return lookup.find("stages.models", family, "a test").load(run_for(tiny_models[family, kind], family))


@pytest.mark.parametrize(
    ("family", "kind", "block"),
    [("clip", "resnet", 2), ("clip", "vit", 1), ("clip", "biomed", 3), ("coca", "pooled", 3), ("medclip", "resnet", 1)],
)
def test_maps_are_gradient_times_activation_of_the_layer_where_that_is_above_0(
    tiny_models, images, family, kind, block
):
    model = loaded(tiny_models, family, kind)
    texts = model.embed_texts(TEXTS)
    way = LayerGradientXActivation(lambda shown: model.embed_images(shown) @ texts[0], model.blocks[block - 1])
    expected = over_places(way.attribute(images.requires_grad_(True)).detach()).clamp(min=0)
    maps = gradient.maps(model, images.detach(), texts[[0, 0, 0]], Settings(block=block), SEEDS)
    assert expected.max() > 1e-4
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("kind", "block"), [("resnet", 2), ("vit", 2)])
def test_maps_are_the_product_worked_by_the_two_halves_of_the_encoder(tiny_models, images, kind, block):
    model = loaded(tiny_models, "clip", kind)
    texts = model.embed_texts(TEXTS)
    activations = model.below(images, block).requires_grad_(True)
    cosines = model.embed_above(activations, block) @ texts.T
    (derivative,) = torch.autograd.grad(cosines.diagonal().sum(), [activations])
    expected = over_places((activations * derivative).detach()).clamp(min=0)
    maps = gradient.maps(model, images, texts, Settings(block=block), SEEDS)
    torch.testing.assert_close(maps, expected, rtol=1e-3, atol=1e-6)


def test_a_stage_that_gives_several_things_has_a_map_as_well(tiny_models, images):
    model = loaded(tiny_models, "medclip", "swin")
    maps = gradient.maps(model, images, model.embed_texts(TEXTS), Settings(block=1), SEEDS)
    assert maps.shape == (3, 8, 8) and (maps.flatten(1).max(dim=1).values > 0).all()


def test_what_speaks_against_the_text_is_0_and_what_speaks_for_it_is_alone():
    images = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    model = OnePlace(6, 1)
    text, settings = model.said(images), Settings(block=1)
    maps = gradient.maps(model, images, text, settings, [0])
    assert maps.flatten().nonzero().tolist() == [[6]]
    assert not gradient.maps(model, images, -text, settings, [0]).any()


@pytest.mark.parametrize(("kind", "above"), [("vit", 2), ("biomed", 2)])
def test_where_places_go_straight_into_a_layer_norm_nothing_is_said(tiny_models, images, kind, above):
    model = loaded(tiny_models, "clip", kind)
    texts, last = model.embed_texts(TEXTS), len(model.blocks)
    found = [gradient.maps(model, images, texts, Settings(block=block), SEEDS).any() for block in range(1, last + 1)]
    assert found == [True] * (last - above) + [False] * above


def test_nothing_below_the_block_is_differentiated(tiny_models, images):
    model = loaded(tiny_models, "clip", "vit")
    images.requires_grad_(True)
    gradient.maps(model, images, model.embed_texts(TEXTS), Settings(block=2), SEEDS)
    assert images.grad is None
