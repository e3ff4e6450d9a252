"""Articles, plurals and colours in the sentences of the world."""

from random import Random

import pytest

from stages.world.words import color_word, plural, with_article


@pytest.mark.parametrize(
    ("noun", "said"), [("arch", "an arch"), ("orange star", "an orange star"), ("red star", "a red star")]
)
def test_a_noun_gets_the_article_of_its_sound(noun, said):
    assert with_article(noun) == said


@pytest.mark.parametrize(("noun", "said"), [("star", "stars"), ("cross", "crosses"), ("box", "boxes")])
def test_plurals(noun, said):
    assert plural(noun) == said


def test_a_thorough_colour_is_always_said_as_it_is():
    dice = Random(0)
    assert {color_word("silver", dice, True) for _ in range(50)} == {"silver "}
    assert color_word(None, dice, True) == ""


def test_a_hasty_colour_is_left_out_now_and_then():
    dice = Random(0)
    said = [color_word("red", dice, False) for _ in range(800)]
    assert set(said) == {"", "red "}
    assert 60 < said.count("") < 140  # about one in eight


def test_silver_has_other_words():
    dice = Random(0)
    said = {color_word("silver", dice, False) for _ in range(200)}
    assert said == {"", "silver ", "shiny silver ", "metallic silver "}
