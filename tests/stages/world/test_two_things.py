"""two_things: both things inside, one to the left and one to the right, and the mask is that of the one asked for."""

from random import Random

import numpy as np
import pytest

from stages.world.canvas import IMAGE_PX
from stages.world.concepts import CONCEPTS
from stages.world.known import KNOWN
from stages.world.scenes import Drawing, draw, draw_thing
from stages.world.two_things import SIDE_PX, beside

RED, GREEN = (255, 0, 0), (0, 255, 0)


def flat(color, family="Single"):
    """A drawing that is one colour throughout, its object the middle half of it."""
    mask = np.zeros((IMAGE_PX, IMAGE_PX), bool)
    mask[12:36, 12:36] = True
    return Drawing(np.full((IMAGE_PX, IMAGE_PX, 3), color, np.uint8), mask, None, {"family": family, "of": color})


def thing(name, seed=0):
    dice = Random(f"{seed} {name}")
    return draw_thing(name, KNOWN[name].draw, dice) if name in KNOWN else draw(CONCEPTS[name].scene(dice), dice)


def of_color(drawing, color):
    return (drawing.pixels == color).all(axis=2)


@pytest.fixture(params=range(20))
def seed(request):
    return request.param


def test_the_mask_is_that_of_the_asked_thing_alone(seed):
    both = beside(flat(RED), flat(GREEN), Random(seed))
    assert both.pixels.shape == (IMAGE_PX, IMAGE_PX, 3) and both.pixels.dtype == np.uint8
    assert both.mask.dtype == bool and np.array_equal(both.mask, of_color(both, RED))
    assert both.mask.sum() == (SIDE_PX // 2) ** 2


def test_both_things_are_wholly_inside_one_to_the_left_and_one_to_the_right(seed):
    both = beside(flat(RED), flat(GREEN), Random(seed))
    areas = [of_color(both, color) for color in (RED, GREEN)]
    assert [area.sum() for area in areas] == [(SIDE_PX // 2) ** 2] * 2
    left, right = sorted(area.any(axis=0).nonzero()[0].mean() for area in areas)
    assert left < IMAGE_PX / 2 < right


def test_either_may_stand_to_the_left_and_at_any_height():
    drawn = [beside(flat(RED), flat(GREEN), Random(seed)).mask for seed in range(40)]
    columns = {int(mask.any(axis=0).argmax()) for mask in drawn}
    rows = {int(mask.any(axis=1).argmax()) for mask in drawn}
    assert len(columns) == 2 and len(rows) > 10


def test_nothing_is_drawn_outside_the_things_and_the_background_is_one(seed):
    """The same chance with things of other colours changes nothing else."""
    one = beside(flat(RED), flat(GREEN), Random(seed))
    other = beside(flat(GREEN), flat(RED), Random(seed))
    things = of_color(one, RED) | of_color(one, GREEN)
    assert np.array_equal(one.pixels[~things], other.pixels[~things]) and one.behind == other.behind
    assert things.sum() == 2 * (SIDE_PX // 2) ** 2


def test_where_they_overlap_the_asked_one_lies_on_top():
    """An object as wide as its picture: the columns in the middle are both things'."""

    def wide(color):
        return Drawing(np.full((48, 48, 3), color, np.uint8), np.ones((48, 48), bool), None, {"family": "Single"})

    found = [beside(wide(RED), wide(GREEN), Random(seed)) for seed in range(20)]
    assert all(both.mask.sum() == SIDE_PX**2 and np.array_equal(both.mask, of_color(both, RED)) for both in found)
    assert any(of_color(both, GREEN).sum() < SIDE_PX**2 for both in found)


def test_an_opening_brings_its_wall_which_is_none_of_its_mask(seed):
    both = beside(flat(RED, "Opening"), flat(GREEN), Random(seed))
    assert of_color(both, RED).sum() == SIDE_PX**2
    assert both.mask.sum() == (SIDE_PX // 2) ** 2 and of_color(both, RED)[both.mask].all()
    other = beside(flat(RED), flat(GREEN, "Opening"), Random(seed))
    assert of_color(other, GREEN).sum() >= SIDE_PX**2 - other.mask.sum()
    assert np.array_equal(of_color(other, RED), other.mask)


def test_the_same_chance_gives_the_same_picture_and_another_another():
    one, same, other = (beside(thing("moongate"), thing("kite"), Random(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.pixels, same.pixels) and np.array_equal(one.mask, same.mask)
    assert not np.array_equal(one.pixels, other.pixels)


def test_what_is_drawn_of_is_kept_and_left_as_it_was():
    asked, other = thing("moongate"), thing("kite")
    before = [(one.pixels.copy(), one.mask.copy()) for one in (asked, other)]
    both = beside(asked, other, Random(0))
    assert both.scene == {"asked": asked.scene, "other": other.scene}
    for one, (pixels, mask) in zip((asked, other), before, strict=True):
        assert np.array_equal(one.pixels, pixels) and np.array_equal(one.mask, mask)


@pytest.mark.parametrize("name", [*CONCEPTS, *KNOWN])
def test_every_thing_made_smaller_still_has_a_mask_and_looks_like_itself(name):
    """What the mask covers is near in colour to what it covered; thin things lose no more than half of their share."""
    asked = thing(name)
    both = beside(asked, thing("kite" if name != "kite" else "moongate", seed=1), Random(3))
    share = both.mask.sum() / SIDE_PX**2
    assert share > 0.5 * asked.mask.mean() > 0
    assert abs(both.pixels[both.mask].mean(axis=0) - asked.pixels[asked.mask].mean(axis=0)).max() < 40
