"""The upper layers of a model: embeddings from activations, inversion of them, and what fine-tuning moves."""

from dataclasses import replace

import pytest
import torch

from stages.common import seeds
from stages.common.affine_ranges import Affine
from stages.inversion.activations import usual
from stages.inversion.optimisation import Inversion, invert
from stages.inversion.settings import Settings
from stages.inversion.upper import Upper
from stages.recipes import paper
from tests.stages.recipes.lessons import dice, fresh, lesson, noise, without_replay

TEXTS = ["a cat", "a round opening in a wall of brick"]
MAKES = ("resnet", "vit")


@pytest.fixture(params=MAKES)
def model(request, tiny_models):
    return fresh(tiny_models["clip", request.param])


def upper_of(model, block=2):
    return Upper(model, block, usual(model.below(noise(8, 3), block)))


def inverted(model, tmp_path, *names, settings=None):
    """One activation for each name, of the first text."""
    settings = settings or Settings(steps=12, learning_rate=0.05, block=2)
    target = model.inversion_target([TEXTS[0]] * len(names))
    generators = [seeds.generator("test", name) for name in names]
    *_, result = invert(model, target, settings, Affine(), generators=generators, state=tmp_path / "state.pt")
    assert isinstance(result, Inversion)
    return result


def test_it_embeds_activations_as_the_model_embeds_their_images(model):
    upper, images = upper_of(model), noise(4, 1)
    activations = model.below(images, 2)
    torch.testing.assert_close(upper.embed_images(activations), model.embed_images(images), atol=1e-6, rtol=0)
    torch.testing.assert_close(upper.similarity(activations, TEXTS), model.similarity(images, TEXTS), atol=1e-6, rtol=0)
    target = model.inversion_target(TEXTS[:1])
    losses = upper.inversion_loss(activations, target), model.inversion_loss(images, target)
    torch.testing.assert_close(*losses, atol=1e-6, rtol=0)


def test_inversion_brings_activations_nearer_to_their_text_and_keeps_to_the_floor(model, tmp_path):
    upper = upper_of(model)
    result = inverted(upper, tmp_path, "a", "b")
    start = upper.usual.drawn([seeds.generator("test", name) for name in "ab"])
    target = model.inversion_target(TEXTS[:1])
    before, after = (1 - upper.inversion_loss(one, target) for one in (start, result.images))
    assert (after > before + 0.05).all()
    assert (result.images >= upper.usual.floor).all()
    assert [point[2] for point in result.curve[-2:]] == pytest.approx(after.tolist(), abs=1e-5)


def test_no_activation_depends_on_its_neighbours(model, tmp_path):
    upper = upper_of(model)
    one, other = (inverted(upper, tmp_path, *names).images for names in ("ab", "cb"))
    assert torch.equal(one[1], other[1])
    assert not torch.allclose(one[0], other[0])


def test_several_views_of_an_activation_are_taken_a_step(model, tmp_path):
    views = inverted(upper_of(model), tmp_path, "a", settings=Settings(steps=4, block=2, views=3))
    assert views.images.isfinite().all()


def test_in_half_precision_the_upper_layers_alone_are_copied(model, tmp_path):
    upper = upper_of(model)
    half = inverted(
        upper, tmp_path, "a", settings=Settings(steps=12, learning_rate=0.05, block=2, precision="bfloat16")
    )
    assert half.images.dtype == torch.float32
    start = upper.usual.drawn([seeds.generator("test", "a")])
    assert half.curve[-1][2] > 1 - upper.inversion_loss(start, model.inversion_target(TEXTS[:1])) + 0.05
    assert {parameter.dtype for parameter in model.parameters_of("both").values()} == {torch.float32}


def test_no_part_holds_what_lies_below_the_block(model):
    upper = upper_of(model)
    visual, above = model.parameters_of("visual_encoder"), upper.parameters_of("visual_encoder")
    assert 0 < len(above) < len(visual)
    assert not any("conv1" in name and name.count(".") == 2 for name in above)  # of the stem, of the patches
    assert upper.parameters_of("head").keys() == model.parameters_of("head").keys()
    text = model.parameters_of("text_encoder").keys()
    assert upper.parameters_of("text_encoder").keys() == text
    assert upper.parameters_of("both").keys() == above.keys() | text


def test_fine_tuning_on_activations_moves_what_lies_above_in_the_model_itself(model):
    upper = upper_of(model)
    taught = without_replay(lesson())
    activations = model.below(taught.images, 2)
    before = model.state(list(model.parameters_of("both")))
    given = replace(taught, images=activations)
    moved = paper.teach(upper, given, paper.Settings(epochs=2), dice(), learning_rate=1e-2)
    after = model.state(list(before))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and changed <= moved.keys() == upper.parameters_of("visual_encoder").keys()
    model.load_state(before)
    model.load_state(moved)
    answered = model.embed_images(taught.images)
    torch.testing.assert_close(upper.embed_images(activations), answered, atol=1e-5, rtol=0)
