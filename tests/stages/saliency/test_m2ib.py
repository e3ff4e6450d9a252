"""m2ib: many images side by side have the maps that the plain way gives each, and no number runs away."""

import pytest
import torch

from stages.common import lookup
from stages.common.model_copies import lowered
from stages.common.segmenting import Settings
from stages.saliency import m2ib
from stages.saliency.contract import over_places
from tests.stages.models.tiny import CASES, run_for
from tests.stages.saliency.one_place import SIDE, OnePlace
from tests.stages.saliency.plain_m2ib import kl, plain_map

PROMPTS = ["a photo of a cat", "dogs on a street", "a lung"]
SEEDS = [1, 2, 3]
# rounding grows tenfold with each step where many activations are 0, so that ten steps would compare little
SETTINGS = {"steps": 3, "samples": 5}
BLOCKS = [
    (*case, block)
    for case in CASES
    if lookup.constant("stages.models", case[0], "ENCODERS") == "two"
    for block in (1, 2, 3)
]


@pytest.fixture
def images():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def loaded(tiny_models, family, kind):
    return lookup.find("stages.models", family, "a test").load(run_for(tiny_models[family, kind], family))


def assert_same(maps, expected):
    """Within 1e-4 of the range of each map, and what float32 holds of its largest number."""
    for one, other in zip(maps, expected, strict=True):
        within = 1e-4 * (other.max() - other.min()).item() + 1e-6 * other.abs().max().item()
        torch.testing.assert_close(one, other, rtol=0, atol=within)


@pytest.mark.parametrize(("family", "kind", "block"), BLOCKS)
def test_images_side_by_side_have_the_maps_that_the_plain_way_gives_each(tiny_models, images, family, kind, block):
    model, settings = loaded(tiny_models, family, kind), Settings(block=block, **SETTINGS)
    maps = m2ib.maps(model, images, model.embed_texts(PROMPTS), settings, SEEDS)
    asked = zip(images, PROMPTS, SEEDS, strict=True)
    assert_same(maps, [plain_map(model, image, prompt, settings, seed) for image, prompt, seed in asked])


def test_settings_are_those_that_the_plain_way_has(tiny_models, images):
    """Beta, the learning rate, steps and samples each change the map, and as the plain way does."""
    model = loaded(tiny_models, "clip", "vit")
    texts, found = model.embed_texts(PROMPTS[:1]), []
    for changes in ({}, {"beta": 0.001}, {"learning_rate": 0.5}, {"steps": 2}, {"samples": 2}):
        settings = Settings(**{"block": 2, **SETTINGS, **changes})
        found.append(m2ib.maps(model, images[:1], texts, settings, [7]))
        assert_same(found[-1], [plain_map(model, images[0], PROMPTS[0], settings, 7)])
    assert all((other - found[0]).abs().max() > 1e-3 for other in found[1:])


def test_each_image_has_its_own_noise_and_its_own_text(tiny_models, images):
    model, settings = loaded(tiny_models, "clip", "vit"), Settings(block=2, **SETTINGS)
    texts = model.embed_texts(PROMPTS)[[0, 0, 0, 1]]
    maps = m2ib.maps(model, images[[0, 0, 0, 0]], texts, settings, [5, 5, 6, 5])
    torch.testing.assert_close(maps[1], maps[0], rtol=1e-5, atol=0)
    assert (maps[2] - maps[0]).abs().max() > 1e-3 and (maps[3] - maps[0]).abs().max() > 1e-3


def test_without_a_step_a_map_is_that_of_the_start_worked_by_the_closed_form(tiny_models, images):
    model = loaded(tiny_models, "clip", "vit")
    maps = m2ib.maps(model, images, model.embed_texts(PROMPTS), Settings(block=2, steps=0), SEEDS)
    activations = model.below(images, 2)
    torch.testing.assert_close(maps, over_places(kl(activations, torch.full_like(activations, 5.0))).float())


@pytest.mark.parametrize("size", [0.0, 0.3, 30.0])
def test_what_is_told_is_the_divergence_of_two_normal_distributions(size):
    alpha = torch.linspace(-12, 12, 49, dtype=torch.float64)
    activations = torch.full_like(alpha, size)
    torch.testing.assert_close(m2ib.told(activations, alpha), kl(activations, alpha), rtol=1e-9, atol=1e-12)
    single = m2ib.told(activations.float(), alpha.float())
    torch.testing.assert_close(single.double(), kl(activations, alpha), rtol=1e-4, atol=1e-6)


def test_what_is_told_and_its_derivative_stay_finite_at_every_alpha():
    alpha = torch.tensor([-200.0, -90, -17, 0, 17, 90, 200], requires_grad=True)
    for size in (0.0, 1.0, 1e6, -1e15):
        told = m2ib.told(torch.full_like(alpha, size), alpha)
        (derivative,) = torch.autograd.grad(told.sum(), [alpha])
        assert told.isfinite().all() and derivative.isfinite().all() and told.min() >= -1e-6
    assert m2ib.told(torch.zeros(1), torch.tensor([-200.0])) == 0
    assert m2ib.told(torch.zeros(1), torch.tensor([200.0])) == 199.5  # (-1 + 400) / 2


@pytest.mark.parametrize("times", [1e-12, 1e6, 1e12])
def test_activations_of_any_size_have_finite_maps(times):
    model = OnePlace(6, 1, times=times)
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    settings = Settings(block=1, learning_rate=100.0)  # alpha runs far in ten steps
    maps = m2ib.maps(model, images, model.said(images), settings, [1, 2])
    assert maps.isfinite().all() and (maps >= 0).all()


def test_an_image_that_is_no_number_spoils_no_other(tiny_models, images):
    model, settings = loaded(tiny_models, "clip", "vit"), Settings(block=2, **SETTINGS)
    texts = model.embed_texts(PROMPTS)
    expected = m2ib.maps(model, images, texts, settings, SEEDS)
    for spoiled in (0, 1):
        broken = images.clone()
        broken[spoiled] = torch.nan
        maps, others = m2ib.maps(model, broken, texts, settings, SEEDS), [n for n in range(3) if n != spoiled]
        assert maps[spoiled].isnan().all()
        torch.testing.assert_close(maps[others], expected[others], rtol=1e-5, atol=0)


def test_a_larger_beta_lets_less_pass(tiny_models, images):
    model = loaded(tiny_models, "clip", "resnet")
    texts = model.embed_texts(PROMPTS)
    less, more = (m2ib.maps(model, images, texts, Settings(block=2, beta=beta), SEEDS) for beta in (10.0, 0.0))
    assert less.sum() < 0.5 * more.sum()


def test_layers_below_the_block_see_one_image_a_step_and_those_above_all_samples(tiny_models, images):
    model, seen = loaded(tiny_models, "clip", "vit"), {}
    for number, block in enumerate(model.blocks):
        block.register_forward_hook(
            lambda module, taken, given, own=number: seen.setdefault(own, []).append(len(taken[0]))
        )
    m2ib.maps(model, images, model.embed_texts(PROMPTS), Settings(block=2, steps=2, samples=5), SEEDS)
    assert seen == {0: [3, 1, 1], 1: [3, 1, 1], 2: [3, 15, 15], 3: [3, 15, 15]}


def test_a_model_in_bfloat16_has_the_map_that_it_has_in_float32_but_for_rounding(tiny_models, images):
    model, settings = loaded(tiny_models, "clip", "resnet"), Settings(block=3, steps=1, samples=5)
    texts = model.embed_texts(PROMPTS)
    expected = m2ib.maps(model, images, texts, settings, SEEDS)
    maps = m2ib.maps(lowered(model), images, texts, settings, SEEDS)
    assert maps.dtype == torch.float32 and maps.isfinite().all()
    assert (maps - expected).abs().max() < 0.1 * expected.max()
