"""Every way of the folder finds saliency as promised; a new file is held to it the moment it exists."""

from collections import Counter
from contextlib import suppress

import numpy as np
import pytest
import torch

from stages import draw
from stages.common import lookup
from stages.common.failures import UserError
from stages.common.segmenting import Settings, check_block
from stages.models import clip
from stages.saliency import contract
from stages.saliency.contract import enlarged, hooked, over_places, saliency_maps
from stages.world.known import KNOWN
from stages.world.words import with_article
from tests.stages.models.tiny import CASES, run_for
from tests.stages.saliency.one_place import SIDE, OnePlace

WAYS = lookup.names("stages.saliency")
QUICK = {"steps": 3, "samples": 2}
TEXTS = ["a photo of a cat", "dogs on a street", "a lung"]
TWO_ENCODERS = [case for case in CASES if lookup.constant("stages.models", case[0], "ENCODERS") == "two"]


def loaded(tiny_models, family, kind):
    return lookup.find("stages.models", family, "a test").load(run_for(tiny_models[family, kind], family))


@pytest.fixture(params=WAYS)
def way(request):
    return lookup.find("stages.saliency", request.param, "a test")


@pytest.fixture
def model(tiny_models):
    return loaded(tiny_models, "clip", "vit")


@pytest.fixture
def images():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_the_folder_holds_the_known_ways():
    assert {"m2ib", "gradient", "centre"} <= set(WAYS)


@pytest.mark.parametrize(("family", "kind"), TWO_ENCODERS)
def test_maps_are_of_places_finite_and_not_below_0_for_every_block_of_every_model(
    way, tiny_models, images, family, kind
):
    model = loaded(tiny_models, family, kind)
    texts = model.embed_texts(TEXTS)
    for block in range(1, len(model.blocks) + 1):
        maps = way.maps(model, images, texts, Settings(block=block, **QUICK), [1, 2, 3])
        assert maps.ndim == 3 and len(maps) == 3 and maps.shape[1] == maps.shape[2]
        assert maps.dtype == torch.float32 and maps.device.type == "cpu" and not maps.requires_grad
        assert maps.isfinite().all() and (maps >= 0).all()


def test_a_map_depends_on_no_image_beside_it_and_is_the_same_again(way, model, images):
    texts, settings = model.embed_texts(TEXTS), Settings(block=2, **QUICK)
    maps = way.maps(model, images, texts, settings, [1, 2, 3])
    assert torch.equal(way.maps(model, images, texts, settings, [1, 2, 3]), maps)
    order = [2, 0]
    others = way.maps(model, images[order], texts[order], settings, [3, 1])
    torch.testing.assert_close(others, maps[order], rtol=1e-5, atol=1e-6)


def test_the_model_is_as_it_was_and_no_weight_has_a_gradient(way, model, images):
    before = model.embed_images(images)
    way.maps(model, images, model.embed_texts(TEXTS), Settings(block=2, **QUICK), [1, 2, 3])
    assert torch.equal(model.embed_images(images), before)
    assert all(one.grad is None and not one.requires_grad for one in model.network.parameters())


def test_batches_that_memory_holds_give_the_maps_of_all_at_once(way, model, images, monkeypatch):
    name, settings = way.__name__.rpartition(".")[2], {"block": 2, **QUICK}
    texts = model.embed_texts(TEXTS)
    settings = Settings(saliency=name, **settings)
    whole = saliency_maps(model, [images], texts, settings, [1, 2, 3], "here")
    assert np.array_equal(whole, way.maps(model, images, texts, settings, [1, 2, 3]).numpy())
    sizes = []
    maps = way.maps
    monkeypatch.setattr(way, "maps", lambda model, own, *rest: sizes.append(len(own)) or maps(model, own, *rest))
    monkeypatch.setattr(contract, "ELEMENTS", 2 * 17 * 32 * way.passes(settings))
    split = saliency_maps(model, iter([images, images]), texts.repeat(2, 1), settings, [1, 2, 3] * 2, "here")
    assert sizes == ([2, 1, 2, 1] if way.passes(settings) else [3, 3])
    np.testing.assert_allclose(split, np.concatenate([whole, whole]), rtol=1e-5, atol=1e-6)


def test_only_samples_take_up_memory_more_than_once_and_the_centre_asks_no_encoder(model, images, monkeypatch):
    passes = {name: lookup.find("stages.saliency", name, "a test").passes(Settings(samples=7)) for name in WAYS}
    assert passes.items() >= {"m2ib": 7, "gradient": 1, "centre": 0}.items()
    texts = model.embed_texts(TEXTS)
    monkeypatch.setattr(model, "embed_images", lambda images: pytest.fail("an image is embedded"))
    assert len(saliency_maps(model, [images], texts, Settings(saliency="centre", block=2), [1, 2, 3], "here")) == 3


def test_even_one_image_too_large_for_memory_is_worked_on(way, model, images, monkeypatch):
    monkeypatch.setattr(contract, "ELEMENTS", 1)
    settings = Settings(saliency=way.__name__.rpartition(".")[2], block=2, **QUICK)
    assert saliency_maps(model, [images], model.embed_texts(TEXTS), settings, [1, 2, 3], "here").shape[0] == 3


@pytest.mark.parametrize("block", [5, 99])
def test_a_block_that_is_too_high_is_told_with_those_that_there_are(model, images, block):
    where = "params.yaml: runs.a.segmentation"
    told = f"^{where}.block says {block}, but this visual encoder has 4 blocks: write 1 to 4.$"
    with pytest.raises(UserError, match=told):
        check_block(block, len(model.blocks), where)
    check_block(4, len(model.blocks), where)


def test_an_encoder_whose_blocks_are_not_known_is_told(model):
    del model.network.visual.transformer
    with pytest.raises(UserError, match="^here: the blocks of this visual encoder are not known, .* cannot be found"):
        check_block(1, len(model.blocks), "here")


def test_what_a_block_gave_is_noted_and_the_hook_is_gone_even_after_an_error(model, images):
    block = model.blocks[1]
    with pytest.raises(RuntimeError, match="stop"), hooked(block) as seen:
        model.embed_images(images)
        raise RuntimeError("stop")
    model.embed_images(images)
    assert [one.shape for one in seen] == [(3, 17, 32)] and not block._forward_hooks


def test_an_error_within_leaves_no_hook(way, model, images):
    with suppress(RuntimeError):  # the centre asks no model
        way.maps(model, images, torch.ones(1, 7), Settings(block=2, **QUICK), [1, 2, 3])
    assert not model.blocks[1]._forward_hooks


@pytest.mark.parametrize("layout", [0, 1, 5, "first", "last"])
@pytest.mark.parametrize("place", [0, 6, 15])
def test_the_only_place_that_is_looked_at_is_the_most_salient(layout, place):
    """For tokens with so many class tokens before them, and maps with D in front or behind."""
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    for is_tupled in (False, True):
        model = OnePlace(place, layout, is_tupled=is_tupled)
        for name in ("m2ib", "gradient"):
            maps = saliency_maps(model, [images], model.said(images), _salient(name), [1, 2], "here")
            assert maps.shape == (2, SIDE, SIDE)
            assert maps.reshape(2, -1).argmax(axis=1).tolist() == [place, place], (name, maps)


def _salient(name):
    return Settings(saliency=name, block=1, beta=1.0)


def test_scores_are_summed_over_the_width_wherever_it_stands():
    scores = torch.arange(2 * 4 * 4 * 3.0).reshape(2, 4, 4, 3)
    expected = scores.sum(dim=3)
    assert torch.equal(over_places(scores), expected)
    assert torch.equal(over_places(scores.permute(0, 3, 1, 2)), expected)
    tokens = torch.cat([torch.full((2, 5, 3), 1e6), scores.flatten(1, 2)], dim=1)
    for before in (0, 1, 5):
        assert torch.equal(over_places(tokens[:, 5 - before :]), expected)


def test_an_enlarged_map_begins_and_ends_where_the_map_does():
    saliency = np.array([[3, 1, 1], [1, 1, 5]], np.float32)
    large = enlarged(saliency, 20, 60)
    assert large.shape == (20, 60) and large.dtype == np.float32
    assert (large.min(), large.max()) == (0, 1)
    assert large[0, 0] == 0.5 and large[-1, -1] == 1 and large[0, -1] == 0
    assert large[10, 30] < 0.5
    assert np.allclose(enlarged(saliency.T, 60, 20), large.T, atol=1e-6)


def test_between_two_places_an_enlarged_map_rises_evenly():
    """Centres of two places lie at 1/4 and 3/4 of the width: worked by hand for 8 pixels."""
    large = enlarged(np.array([[0, 1]], np.float32), 1, 8)
    assert np.allclose(large[0], [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])


def test_a_smaller_picture_than_map_is_averaged():
    large = enlarged(np.kron(np.array([[0, 2], [1, 1]]), np.ones((8, 8))).astype(np.float32), 2, 2)
    assert large[0, 0] == 0 and large[0, 1] == 1 and abs(large[1] - 0.5).max() < 0.1


@pytest.mark.parametrize("value", [0.0, 1e-30, 0.1, 3e7, np.nan, np.inf])
def test_a_map_that_says_the_same_everywhere_or_no_number_says_nothing(value):
    assert not enlarged(np.full((3, 4), value, np.float32), 9, 13).any()


def test_a_map_of_tiny_numbers_counts_by_its_differences():
    assert enlarged(np.array([[1e-20, 2e-20]], np.float32), 1, 2).tolist() == [[0, 1]]


@pytest.fixture(scope="module")
def shown():
    """The shipped tiny CLIP, one picture of every second known thing, and their masks."""
    names = [*KNOWN][::2]
    drawings = [drawing for name in names for drawing, _ in draw.known_pictures(name, 1, "a test of saliency")]
    images = torch.stack([torch.from_numpy(one.pixels.copy()).permute(2, 0, 1) / 255 for one in drawings])
    model = clip.load(run_for("data/weights/tiny_clip"))
    texts = model.embed_texts([f"a photo of {with_article(name)}" for name in names])
    return model, images, texts, [one.mask for one in drawings]


@pytest.mark.parametrize("name", ["m2ib", "gradient"])
def test_the_shipped_model_points_at_the_thing_more_often_than_a_place_by_lot_would(shown, name):
    model, images, texts, masks = shown
    maps = saliency_maps(model, [images], texts, Settings(saliency=name, block=2, samples=4), range(len(masks)), "here")
    hits = [mask.flat[enlarged(own, *mask.shape).argmax()] for own, mask in zip(maps, masks, strict=True)]
    covered = np.mean([mask.mean() for mask in masks])
    assert len(masks) > 20 and np.mean(hits) > 1.5 * covered, (Counter(map(bool, hits)), covered)


@pytest.mark.parametrize("name", ["m2ib", "gradient"])
def test_of_two_things_the_shipped_model_points_at_the_one_that_it_is_asked_for(shown, name):
    pairs = [
        (known, next(drawn)) for known, drawn in draw.segmented_pictures("a test", has_other=True) if known in KNOWN
    ]
    images = torch.stack([torch.from_numpy(drawing.pixels.copy()).permute(2, 0, 1) / 255 for _, drawing in pairs])
    settings, hits = Settings(saliency=name, block=2, beta=0.3, samples=4), []
    for asked in ([known for known, _ in pairs], [drawing.scene["other"]["name"] for _, drawing in pairs]):
        texts = shown[0].embed_texts([f"a photo of {with_article(one)}" for one in asked])
        maps = saliency_maps(shown[0], [images], texts, settings, range(len(pairs)), "here")
        tops = [enlarged(own, *drawing.mask.shape).argmax() for own, (_, drawing) in zip(maps, pairs, strict=True)]
        hits.append(sum(drawing.mask.flat[top] for top, (_, drawing) in zip(tops, pairs, strict=True)))
    assert len(pairs) > 50 and hits[0] > 1.5 * hits[1], hits
