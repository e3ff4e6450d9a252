"""Every recipe keeps the promises of stages/recipes/contract.py; a new file is held to them the moment it exists."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from stages.common import checks, lookup
from stages.common.failures import UserError
from stages.models.contract import PARTS
from tests.stages.recipes.lessons import dice, fresh, lesson, noise, same

NAMES = lookup.names("stages.recipes")


@pytest.fixture(params=NAMES)
def recipe(request):
    return lookup.find("stages.recipes", request.param, "a test")


@pytest.fixture
def model(tiny_models):
    return fresh(tiny_models["clip", "resnet"])


def everything(model):
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def test_the_folder_holds_the_known_recipes():
    assert {"paper", "replay"} <= set(NAMES)


def test_settings_are_frozen_and_all_have_defaults(recipe):
    settings = checks.settings(recipe.Settings, {}, "here")
    assert settings == recipe.Settings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.part = "both"


def test_a_number_out_of_range_is_told_with_its_place(recipe):
    with pytest.raises(UserError, match="^here: .*must be at least 1"):
        checks.settings(recipe.Settings, {"epochs": 0}, "here")


@pytest.mark.parametrize("part", PARTS)
def test_it_gives_the_tensors_of_the_part_told_and_changes_no_other(recipe, model, part):
    before, own = everything(model), model.parameters_of(part)
    settings = dataclasses.replace(recipe.Settings(), part=part, epochs=1)
    trained = recipe.teach(model, lesson(), settings, dice(), learning_rate=1e-3)
    after = everything(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert trained.keys() == own.keys()
    assert changed and changed <= trained.keys()
    assert all(torch.equal(trained[name], after[name]) for name in trained)


def test_the_model_is_frozen_and_in_evaluation_again(recipe, model):
    recipe.teach(model, lesson(), dataclasses.replace(recipe.Settings(), epochs=1), dice(), learning_rate=1e-3)
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    assert not any(module.training for module in model.network.modules())


def test_the_same_generator_gives_the_same_bytes_and_another_others(recipe, tiny_models):
    settings = dataclasses.replace(recipe.Settings(), epochs=2)
    results = []
    for seed in (0, 0, 1):
        model = fresh(tiny_models["clip", "resnet"])
        results.append(recipe.teach(model, lesson(), settings, dice(seed), learning_rate=1e-3))
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


def test_the_loss_of_every_step_is_given_and_falls(recipe, model):
    losses, settings = [], dataclasses.replace(recipe.Settings(), epochs=20, batch=3, part="last_stage")
    recipe.teach(model, lesson(), settings, dice(), learning_rate=1e-2, losses=losses)
    assert len(losses) == 20 * 2  # six images
    assert sum(losses[-4:]) < sum(losses[:4])


def test_what_is_returned_is_a_copy(recipe, model):
    settings = dataclasses.replace(recipe.Settings(), epochs=1)
    trained = recipe.teach(model, lesson(), settings, dice(), learning_rate=1e-3)
    kept = {name: value.clone() for name, value in trained.items()}
    recipe.teach(model, lesson(), settings, dice(), learning_rate=1e-3)
    assert same(trained, kept)


def loss(model, taught):
    """How far the images are from their captions, among all captions."""
    bank = list(dict.fromkeys(taught.captions)) + taught.known_captions
    with torch.no_grad():
        logits = model.finetuning_logits(taught.images, bank)
    return F.cross_entropy(logits, torch.tensor([bank.index(caption) for caption in taught.captions])).item()


def test_images_come_closer_to_their_captions(recipe, model):
    taught = lesson(each=6)
    before = loss(model, taught)
    settings = dataclasses.replace(recipe.Settings(), epochs=40, part="last_stage")
    recipe.teach(model, taught, settings, dice(), learning_rate=1e-2)
    assert loss(model, taught) < 0.9 * before  # the terms that keep the known classes hold against it


def test_nan_is_told_and_leaves_a_frozen_model(recipe, model):
    broken = dataclasses.replace(lesson(), images=noise(6, 1) * float("nan"))
    with pytest.raises(UserError, match="loss of nan at learning rate 0.001"):
        recipe.teach(model, broken, recipe.Settings(), dice(), learning_rate=1e-3)
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
