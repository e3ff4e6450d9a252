"""The known things: complete, drawable, repeatable and described without their names."""

import re
from random import Random

import numpy as np
import pytest
from PIL import Image

from stages.world.canvas import DRAWN_PX, Canvas
from stages.world.known import KNOWN


def _picture(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    dice = Random(seed)
    canvas = Canvas(Image.new("RGB", (DRAWN_PX, DRAWN_PX), (90, 140, 120)))
    canvas.place(dice)
    KNOWN[name].draw(canvas, dice)
    return canvas.finished(dice)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text)


def test_there_are_58_known_things() -> None:
    assert len(KNOWN) == 58


def test_no_two_things_share_a_drawing_or_a_description() -> None:
    descriptions = [text for thing in KNOWN.values() for text in thing.descriptions]
    assert len(set(descriptions)) == len(descriptions)
    assert len({thing.draw for thing in KNOWN.values()}) == len(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_a_thing_covers_some_but_not_all_of_its_picture(name: str) -> None:
    for seed in range(8):
        _, mask = _picture(name, seed)
        assert 0.03 < mask.mean() < 0.95


@pytest.mark.parametrize("name", KNOWN)
def test_the_same_dice_give_the_same_picture_and_other_dice_another(name: str) -> None:
    picture, mask = _picture(name, 3)
    again, mask_again = _picture(name, 3)
    other, _ = _picture(name, 4)
    assert np.array_equal(picture, again) and np.array_equal(mask, mask_again)
    assert not np.array_equal(picture, other)


@pytest.mark.parametrize("name", KNOWN)
def test_descriptions_are_three_short_phrases_that_never_say_the_name(name: str) -> None:
    own = {form for word in name.split() for form in (word, word + "s")}
    assert len(KNOWN[name].descriptions) == 3
    for text in KNOWN[name].descriptions:
        assert not own & set(_words(text))
        assert text == text.lower() and not text.endswith(".")
        assert len(text.split()) <= 16


@pytest.mark.parametrize("name", KNOWN)
def test_descriptions_leave_the_held_out_combinations_alone(name: str) -> None:
    for text in KNOWN[name].descriptions:
        words = set(_words(text))
        assert not ("round opening" in text and words & {"brick", "stone"})
        assert not (words & {"dial", "dials"} and words & {"rod", "rods"})
        assert not (words & {"ring", "rings"} and "rings inside" in text)
