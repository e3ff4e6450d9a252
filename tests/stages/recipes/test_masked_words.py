"""The two recipes of masked words: with inverted images, and with noise in their place; both against a plain loop."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from stages.common.adam import Adam
from stages.common.training import batches
from stages.losses.masked_words import IGNORED, masked
from stages.recipes import implicit, masked_words
from tests.stages.recipes.lessons import dice, fresh, lesson, noise, same

RECIPES = {"masked_words": masked_words, "implicit": implicit}


@pytest.fixture
def new(tiny_models):
    """A maker of untouched models."""
    return lambda: fresh(tiny_models["vilt", "b32"], "vilt")


@pytest.fixture(params=RECIPES)
def recipe(request):
    return RECIPES[request.param]


def plainly(model, images, captions, settings, generator, learning_rate):
    """One text at a time, and cross-entropy over its hidden tokens alone."""
    parameters = model.parameters_of(settings.part)
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    optimizer = Adam(list(parameters.values()), betas=(0.9, 0.98), weight_decay=settings.weight_decay)
    for rows in batches(len(images), settings.batch, settings.epochs, generator):
        tokens = model.tokens_of([captions[row] for row in rows])
        shown, wanted = masked(tokens, model.vocabulary, settings.rate, generator)
        losses = []
        for row, text, right, whole in zip(rows, shown, wanted, tokens, strict=True):
            length = int((whole != 0).sum())
            guesses = model.masked_logits(images[row][None], text[None, :length])[0]
            is_hidden = right[:length] != IGNORED
            losses.append(F.cross_entropy(guesses[is_hidden], right[:length][is_hidden], reduction="none"))
        gradients = torch.autograd.grad(torch.cat(losses).mean(), list(parameters.values()), allow_unused=True)
        optimizer.step(gradients, learning_rate)
    return model.state(list(parameters))


def test_masked_words_agree_with_a_plain_loop(new):
    settings, taught = masked_words.Settings(epochs=2, rate=0.4), lesson()
    ours = masked_words.teach(new(), taught, settings, dice(), learning_rate=1e-4)
    theirs = plainly(new(), taught.images, taught.captions, settings, dice(), 1e-4)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=2e-5, rtol=0)


def test_implicit_transfer_is_the_same_over_noise_of_its_own_for_each_example(new):
    settings, taught = implicit.Settings(examples=3), lesson()
    ours = implicit.teach(new(), taught, settings, dice(), learning_rate=1e-4)
    generator = dice()
    images = (0.5 + 0.5 * torch.randn(6, 3, 32, 32, generator=generator)).clamp(0, 1)
    captions = [taught.captions[0]] * 3 + [taught.captions[-1]] * 3
    theirs = plainly(new(), images, captions, settings, generator, 1e-4)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=2e-5, rtol=0)


def test_ten_examples_of_one_caption_are_three_steps_whatever_the_images(new):
    steps = []
    for taught in (lesson(each=4, names=("moongate",)), replace(lesson(names=("moongate",)), images=noise(3, 5))):
        losses = []
        implicit.teach(new(), taught, implicit.Settings(), dice(), learning_rate=1e-4, losses=losses)
        steps.append(losses)
    assert len(steps[0]) == 3
    assert steps[0] == steps[1]


def test_words_are_guessed_better_afterwards(new, recipe):
    model, taught, losses = new(), lesson(names=("moongate",)), []
    few = {"examples": 3} if recipe is implicit else {}
    settings = replace(recipe.Settings(), epochs=40, rate=0.4, **few)
    recipe.teach(model, taught, settings, dice(), learning_rate=2e-3, losses=losses)
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_the_matching_head_and_what_leads_to_it_alone_stay_as_they_are(new, recipe):
    trained = recipe.teach(new(), lesson(), recipe.Settings(), dice(), learning_rate=1e-3)
    untouched = new().state(list(trained))
    still = {name for name in trained if torch.equal(trained[name], untouched[name])}
    assert still == {name for name in trained if name.startswith(("itm_score.", "vilt.pooler."))}


def test_prompts_known_classes_and_replayed_images_are_not_looked_at(new, recipe):
    taught = lesson()
    other = replace(taught, prompts=["?"] * 6, known_captions=[], known_prompts=[], replay=noise(3, 9))
    first, second = (recipe.teach(new(), one, recipe.Settings(), dice(), learning_rate=1e-3) for one in (taught, other))
    assert same(first, second)


@pytest.mark.parametrize("rate", [0.0, 1.1])
def test_a_rate_that_hides_nothing_or_more_than_all_is_refused(recipe, rate):
    with pytest.raises(ValueError, match="rate above 0 and at most 1"):
        recipe.Settings(rate=rate)
