"""Composites: as many as one likes, no two alike, none held out, each with a name that no corpus says."""

import re
from random import Random

import numpy as np
import pytest

from stages.common import wording
from stages.world.composites import composites
from stages.world.concepts import CONCEPTS, DEVELOPMENT, is_held_out
from stages.world.corpus import BANNED
from stages.world.known import KNOWN
from stages.world.names import made_up, unheard

MANY = composites(1000)
SOME = list(MANY)[::50]


def test_a_thousand_have_different_names_and_descriptions():
    assert len(MANY) == len({one.description for one in MANY.values()}) == 1000


def test_no_two_hold_the_same_attributes():
    held = [(one.family, *sorted(one.held.items())) for one in MANY.values()]
    assert len(set(held)) == 1000


def test_fewer_are_the_beginning_of_more_and_another_time_gives_the_same():
    assert list(composites(7).items()) == list(MANY.items())[:7]


def test_names_are_none_that_a_model_has_met():
    met = {*made_up(2200, BANNED), *CONCEPTS, *DEVELOPMENT, *KNOWN}
    assert not met & MANY.keys()
    assert not [name for name in MANY if any(banned in name for banned in BANNED)]


def test_names_can_be_pronounced_and_name_files():
    assert all(re.fullmatch("[a-z]{6,12}", name) and not re.search("[aeiou]{3}", name) for name in MANY)


def test_no_description_leaks_its_name():
    assert [name for name, one in MANY.items() if wording.problems(name, one.description, 40)] == []


@pytest.mark.parametrize("name", SOME)
def test_every_picture_shows_its_composite_whole_and_no_held_out_concept(name):
    dice = Random(name)
    for drawing in (MANY[name].draw(dice) for _ in range(3)):
        scene = {key: value for key, value in drawing.scene.items() if key != "family"}
        shown = MANY[name].family(**scene)
        assert MANY[name].shown_by(shown) and not is_held_out(shown)
        assert drawing.pixels.shape == (48, 48, 3)
        assert 0.01 < drawing.mask.mean() < 1


def test_the_object_of_a_composite_does_not_end_at_the_pictures_edge():
    for name in SOME:
        mask = MANY[name].draw(Random(name)).mask
        edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert edge.mean() < 0.25, name


def test_the_same_dice_give_the_same_picture():
    first, again = (MANY[SOME[0]].draw(Random(4)) for _ in range(2))
    assert first.pixels.tobytes() == again.pixels.tobytes() and first.scene == again.scene


def test_pictures_of_other_concepts_stay_as_they_were():
    before = CONCEPTS["moongate"].draw(Random(3)).pixels.tobytes()
    composites(20)
    assert CONCEPTS["moongate"].draw(Random(3)).pixels.tobytes() == before


def test_too_many_are_an_error():
    with pytest.raises(ValueError, match="unheard has .* words, 99999 were asked for"):
        unheard(99999, BANNED)
