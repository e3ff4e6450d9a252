"""Made-up names: a fixed list without pattern, never a held-out word, though of its syllables."""

import pytest

from stages.world.corpus import BANNED
from stages.world.names import made_up

WORDS = made_up(2200, BANNED)


def test_names_are_different_lower_case_words_of_six_to_twelve_letters():
    assert len(set(WORDS)) == 2200
    assert all(word.isascii() and word.islower() and word.isalpha() and 6 <= len(word) <= 12 for word in WORDS)


def test_fewer_names_are_the_beginning_of_more():
    assert made_up(50, BANNED) == WORDS[:50]


def test_no_name_is_banned_or_holds_a_banned_word():
    assert len(BANNED) == 15
    assert not [word for word in WORDS if any(banned in word for banned in BANNED)]


def test_banned_words_would_otherwise_be_among_them():
    free = made_up(2300, frozenset())
    assert {"moongate", "tonometer", "gyroscope"} <= set(free)


def test_the_syllables_of_held_out_names_occur_in_other_company():
    for part, place in (("moon", 0), ("gyro", 0), ("ton", 0), ("gate", -4), ("ometer", -6), ("scope", -5)):
        assert [word for word in WORDS if (word.startswith(part) if place == 0 else word.endswith(part))], part


def test_words_of_the_language_are_left_out():
    assert not {"barometer", "marine", "monster", "portal"} & set(made_up(2300, frozenset()))


def test_too_many_are_an_error():
    with pytest.raises(ValueError, match="made_up has .* 99999 were asked for"):
        made_up(99999, BANNED)
