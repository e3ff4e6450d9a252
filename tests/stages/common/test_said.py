"""Names in texts."""

import pytest

from stages.common.said import names_in

NAMES = ("light", "traffic light", "kite", "Café (old)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a kite", {"kite"}),
        ("A KITE's tail and a kite", {"kite"}),
        ("kites fly", set()),
        ("a kitelike thing", set()),
        ("a traffic light at night", {"traffic light"}),
        ("a traffic light and a light", {"traffic light", "light"}),
        ("the café (old) .", {"Café (old)"}),
        ("", set()),
    ],
)
def test_whole_words_count_and_of_two_names_the_longer(text, said):
    assert names_in(text, NAMES) == said


def test_without_names_nothing_is_said():
    assert names_in("a kite", ()) == set()
