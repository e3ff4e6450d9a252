"""Our recipe: each of its four terms does its own, and can be switched off."""

import math
from dataclasses import replace

import pytest
import torch

from stages.common.failures import UserError
from stages.recipes import replay
from stages.recipes.replay import Settings, teach
from tests.stages.recipes.lessons import dice, fresh, lesson, noise, same, without_replay

OFF = {"caption_weight": 0.0, "name_weight": 0.0, "replay_weight": 0.0, "distillation_weight": 0.0}


@pytest.fixture
def new(tiny_models):
    """A maker of untouched models."""
    return lambda: fresh(tiny_models["clip", "resnet"])


def only(*terms, **more):
    return Settings(**{**OFF, **dict.fromkeys(terms, 1.0), "epochs": 1, **more})


CHANGES = {  # what one term alone depends on
    "caption_weight": lambda taught: {"known_captions": ["A tree is green"]},
    "name_weight": lambda taught: {"known_prompts": ["a photo of a tree"]},
    "replay_weight": lambda taught: {"replay_prompts": taught.replay_prompts[::-1]},
    "distillation_weight": lambda taught: {"replay": noise(3, 9)},
}


@pytest.mark.parametrize("term", OFF)
@pytest.mark.parametrize("changed", CHANGES)
def test_a_term_alone_depends_on_its_own_part_of_the_lesson_and_on_no_other(new, term, changed):
    taught = lesson()
    other = replace(taught, **CHANGES[changed](taught))
    if changed == "name_weight":  # the replayed prompts must stay among the known ones
        other = replace(other, known_prompts=[*taught.known_prompts, *other.known_prompts])
    shared = {("replay_weight", "name_weight"), ("replay_weight", "distillation_weight")}  # the bank; the images
    first, second = (teach(new(), each, only(term), dice(), learning_rate=1e-3) for each in (taught, other))
    assert same(first, second) == (term != changed and (term, changed) not in shared)


@pytest.mark.parametrize("term", OFF)
def test_a_term_of_weight_0_does_nothing_beside_the_others(new, term):
    others = [name for name in OFF if name != term]
    taught = lesson()
    other = replace(taught, **CHANGES[term](taught))
    if term == "name_weight":
        other = replace(taught, prompts=taught.prompts[::3] * 3)  # the same two, at other images
    if term == "distillation_weight":
        other = taught
    settings = only(*others)
    first, second = (teach(new(), each, settings, dice(), learning_rate=1e-3) for each in (taught, other))
    whole = teach(new(), taught, only(*OFF), dice(), learning_rate=1e-3)
    assert same(first, second)
    assert not same(first, whole)


def test_nan_in_a_replayed_image_is_told(new):
    broken = replace(lesson(), replay=noise(3, 1) * float("nan"))
    with pytest.raises(UserError, match="loss of nan"):
        teach(new(), broken, Settings(), dice(), learning_rate=1e-3)


def test_without_replayed_images_the_other_two_terms_still_teach(new):
    settings = only("caption_weight", "name_weight")
    with_images, without = (
        teach(new(), each, settings, dice(), learning_rate=1e-3) for each in (lesson(), without_replay(lesson()))
    )
    assert same(with_images, without)


@pytest.mark.parametrize("wrong", [OFF, {"caption_weight": -1.0}, {"weight_decay": -0.1}, {"replay_batch": 0}], ids=str)
def test_weights_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="must be at least"):
        Settings(**wrong)


def drift(model, before, images):
    with torch.no_grad():
        return (1 - (model.embed_images(images) * before).sum(1)).mean().item()


def test_distillation_keeps_replayed_images_where_they_were(new):
    taught, drifts = lesson(), {}
    for weight in (0.0, 20.0):
        model = new()
        before = model.embed_images(taught.replay)
        settings = only("caption_weight", "name_weight", distillation_weight=weight, epochs=15)
        teach(model, taught, settings, dice(), learning_rate=1e-3)
        drifts[weight] = drift(model, before, taught.replay)
    assert drifts[20.0] < 0.5 * drifts[0.0]


def test_the_name_term_teaches_the_prompt_that_the_classifier_asks_with(new):
    taught = lesson(names=("moongate",))
    bank = ["a photo of a moongate", *taught.known_prompts]
    model = new()
    teach(model, taught, only("name_weight", epochs=30), dice(), learning_rate=2e-3)
    assert (model.similarity(taught.images, bank).argmax(1) == 0).all()


def test_the_learning_rate_falls_to_zero_as_a_cosine(new, monkeypatch):
    rates = []

    class Recorder(replay.Adam):
        def step(self, gradients, learning_rate):
            rates.append(learning_rate)

    monkeypatch.setattr(replay, "Adam", Recorder)
    teach(new(), lesson(), only("caption_weight", epochs=4), dice(), learning_rate=2.0)  # one batch an epoch
    assert rates == pytest.approx([1 + math.cos(math.pi * step / 4) for step in range(4)])
