"""Every recipe keeps the promises of stages/recipes/contract.py; a new file is held to them the moment it exists."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from stages.common import checks, lookup
from stages.common.failures import UserError
from stages.common.parts import PARTS
from tests.stages.recipes.lessons import dice, fresh, lesson, noise, same

NAMES = lookup.names("stages.recipes")
MODELS = {
    "two": ("clip", "resnet"),
    "joint": ("vilt", "b32"),
    "captioner": ("coca", "pooled"),
}  # one of each kind that a recipe may teach
WORDS_ALONE = ("masked_words", "implicit")  # that images come closer to captions with the words is a hope
PAIRS = [(name, kind) for name in NAMES for kind in lookup.constant("stages.recipes", name, "TEACHES")]


@pytest.fixture(params=PAIRS, ids="-".join)
def pair(request):
    """A recipe's name, and a kind of models that it teaches."""
    return request.param


@pytest.fixture
def recipe(pair):
    return lookup.find("stages.recipes", pair[0], "a test")


@pytest.fixture
def new(pair, tiny_models):
    """A maker of untouched models."""
    case = MODELS[pair[1]]
    return lambda: fresh(tiny_models[case], case[0])


@pytest.fixture
def model(new):
    return new()


def settings_of(recipe, **changes):
    """The recipe's own, one epoch over no more examples than images unless it is said otherwise."""
    few = {"examples": 3} if hasattr(recipe.Settings, "examples") else {}
    return dataclasses.replace(recipe.Settings(), **{"epochs": 1, **few, **changes})


def everything(model):
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def test_the_folder_holds_the_known_recipes():
    assert {"paper", "replay", "matching"} <= set(NAMES)
    assert {name for name, _ in PAIRS} == set(NAMES)


def test_it_teaches_kinds_that_there_are(recipe):
    assert recipe.TEACHES and set(recipe.TEACHES) <= set(MODELS)


def test_settings_are_frozen_and_all_have_defaults(recipe):
    settings = checks.settings(recipe.Settings, {}, "here")
    assert settings == recipe.Settings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.part = "both"


def test_a_number_out_of_range_is_told_with_its_place(recipe):
    with pytest.raises(UserError, match="^here: .*must be at least 1"):
        checks.settings(recipe.Settings, {"epochs": 0}, "here")


@pytest.mark.parametrize("part", [part for part in PARTS if part != "decoder"])  # which these models have not
def test_it_gives_the_tensors_of_the_part_told_and_changes_no_other(recipe, model, part):
    before, own = everything(model), model.parameters_of(part)
    settings = settings_of(recipe, part=part)
    trained = recipe.teach(model, lesson(), settings, dice(), learning_rate=1e-3)
    after = everything(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert trained.keys() == own.keys()
    assert changed and changed <= trained.keys()
    assert all(torch.equal(trained[name], after[name]) for name in trained)


def test_the_model_is_frozen_and_in_evaluation_again(recipe, model):
    recipe.teach(model, lesson(), settings_of(recipe), dice(), learning_rate=1e-3)
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    assert not any(module.training for module in model.network.modules())


def test_the_same_generator_gives_the_same_bytes_and_another_others(recipe, new):
    settings = settings_of(recipe, epochs=2)
    results = [recipe.teach(new(), lesson(), settings, dice(seed), learning_rate=1e-3) for seed in (0, 0, 1)]
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


def test_the_loss_of_every_step_is_given_and_falls(recipe, model):
    losses, settings = [], settings_of(recipe, epochs=20, batch=3, part="last_stage")
    recipe.teach(model, lesson(), settings, dice(), learning_rate=1e-2, losses=losses)
    assert len(losses) == 20 * 2  # six images
    assert sum(losses[-4:]) < sum(losses[:4])


def test_what_is_returned_is_a_copy(recipe, model):
    settings = settings_of(recipe)
    trained = recipe.teach(model, lesson(), settings, dice(), learning_rate=1e-3)
    kept = {name: value.clone() for name, value in trained.items()}
    recipe.teach(model, lesson(), settings, dice(), learning_rate=1e-3)
    assert same(trained, kept)


def test_images_are_looked_at_or_not_as_it_says(recipe, new):
    first, second = (
        recipe.teach(new(), taught, settings_of(recipe), dice(), learning_rate=1e-3)
        for taught in (lesson(), dataclasses.replace(lesson(), images=noise(6, 9)))
    )
    assert same(first, second) != recipe.LOOKS


def loss(model, taught):
    """How far the images are from their captions, among all captions."""
    bank = list(dict.fromkeys(taught.captions)) + taught.known_captions
    with torch.no_grad():
        logits = model.finetuning_logits(taught.images, bank)
    return F.cross_entropy(logits, torch.tensor([bank.index(caption) for caption in taught.captions])).item()


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[0] not in WORDS_ALONE], ids="-".join, indirect=True)
def test_images_come_closer_to_their_captions(recipe, model):
    taught = lesson(each=6)
    before = loss(model, taught)
    settings = settings_of(recipe, epochs=40, part="last_stage")
    recipe.teach(model, taught, settings, dice(), learning_rate=1e-2)
    assert loss(model, taught) < 0.9 * before  # the terms that keep the known classes hold against it


def test_nan_is_told_and_leaves_a_frozen_model(recipe, model):
    for parameter in model.parameters_of("head").values():
        parameter.fill_(float("nan"))
    with pytest.raises(UserError, match="loss of nan at learning rate 0.001"):
        recipe.teach(model, lesson(), settings_of(recipe), dice(), learning_rate=1e-3)
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
