"""Held-out concepts: each region is found by its own predicate and by no other's, and described without its name."""

import re
from random import Random

import pytest

from stages.world.arrangements import Single
from stages.world.concepts import CONCEPTS, DEVELOPMENT, is_held_out
from stages.world.known import KNOWN
from stages.world.openings import Opening
from stages.world.scenes import as_data
from stages.world.stands import Stand

ALL = {**CONCEPTS, **DEVELOPMENT}


def scenes(name, n=60):
    dice = Random(name)
    return [ALL[name].scene(dice) for _ in range(n)]


def test_three_are_taught_and_twelve_are_for_development():
    assert list(CONCEPTS) == ["moongate", "tonometer", "gyroscope"]
    assert len(DEVELOPMENT) == 12 and not set(CONCEPTS) & set(DEVELOPMENT) and not set(ALL) & set(KNOWN)


@pytest.mark.parametrize("name", ALL)
def test_every_scene_of_a_concept_is_held_out(name):
    assert all(is_held_out(scene) for scene in scenes(name))


@pytest.mark.parametrize("name", ALL)
def test_a_concepts_scenes_show_it_and_no_other_concept(name):
    for scene in scenes(name):
        assert [other for other in ALL if ALL[other].shown_by(scene)] == [name]


@pytest.mark.parametrize("name", ALL)
def test_a_concepts_scenes_have_its_look_and_differ(name):
    concept, found = ALL[name], scenes(name)
    for scene in found:
        for attribute, values in {**concept.held, **concept.look}.items():
            assert as_data(scene)[attribute] in values
    assert len(set(found)) > 1 or len({concept.draw(Random(seed)).pixels.tobytes() for seed in range(3)}) == 3


def test_one_attribute_beside_it_is_no_concept_any_more():
    assert is_held_out(Opening("round", "brick", "garden", True))
    assert is_held_out(Opening("round", "stone", "water", False))
    assert not is_held_out(Opening("round", "wood", "garden", True))
    assert not is_held_out(Opening("arched", "brick", "garden", True))
    assert is_held_out(Stand("red", "leaning", "round", "blue", None, "dial", 1))
    assert not is_held_out(Stand("silver", "upright", "round", "blue", None, "square", 1))
    assert not is_held_out(Single("disk", "red", "small"))


@pytest.mark.parametrize("name", ALL)
def test_a_description_never_says_a_held_out_or_known_name(name):
    words = set(re.findall(r"[a-z]+", ALL[name].description))
    assert words and not words & set(ALL)
    stems = [name[:5] for name in CONCEPTS]
    assert not any(word.startswith(tuple(stems)) for word in words)


def test_the_same_dice_give_the_same_picture():
    first, again = (CONCEPTS["gyroscope"].draw(Random(4)) for _ in range(2))
    assert first.pixels.tobytes() == again.pixels.tobytes() and first.scene == again.scene
