"""Prompts: the article that was written, or one that fits the sound."""

import pytest

from stages.common.prompts import prompt, with_article


@pytest.mark.parametrize(
    ("name", "article", "said"),
    [
        ("moongate", "a", "a moongate"),
        ("sun", "the", "the sun"),
        ("pneumonia", "", "pneumonia"),
        ("arch", None, "an arch"),
        ("Owl", None, "an Owl"),
        ("traffic light", None, "a traffic light"),
    ],
)
def test_a_name_gets_its_article(name, article, said):
    assert with_article(name, article) == said


def test_the_name_goes_into_the_template():
    assert prompt("a photo of {}, seen from above", "arch") == "a photo of an arch, seen from above"


def test_braces_in_a_name_are_left_alone():
    assert prompt("{}", "x{0}", "") == "x{0}"
