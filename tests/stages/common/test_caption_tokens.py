"""Captions as tokens: by rules, by the Treebank's own program, and both beside each other."""

import pytest

from stages.common import caption_tokens, java
from stages.common.caption_tokens import LIKE_IT, TREEBANK, tokens, treebank_like

needs_java = pytest.mark.skipif(bool(java.lacking()), reason=java.lacking())
CAPTIONS = [
    "A photo of a moongate.",
    "",
    "   ",
    "...",
    'A man\'s hat, and "a red one" .',
    "two  spaces , . ; : ! ?",
    "black-and-white dogs don't run; they can't, cannot, won't",
    "A sign that says 'Stop'.",
    "Mr. Smith's café at 5:00 p.m. in the U.S. has 1,000 chairs",
    "wanna rock 'n' roll in a t-shirt's pocket",
    "3/4 of a mile, #1 @home & a cat (black) [x] {z}",
    "Photo by: J. Smith — ball.jpeg",
]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A Photo of a Kite.", "a photo of a kite"),
        ("it's the dogs' house, isn't it?", "it 's the dogs house is n't it"),
        ("a black-and-white 3,000 at 10:30", "a black-and-white 3,000 at 10:30"),
        ("cannot (see)", "can not -lrb- see -rrb-"),
        (" . ! ", ""),
    ],
)
def test_rules_split_words_from_what_hangs_on_them_and_drop_punctuation(text, wanted):
    assert treebank_like(text) == wanted


def test_without_java_it_is_said_that_rules_split(monkeypatch):
    monkeypatch.setattr(java, "runtime", lambda: None)
    assert tokens(["A kite.", "a\nkite"]) == (["a kite", "a kite"], LIKE_IT)


def test_a_program_that_fails_is_replaced_by_rules_for_all_texts(monkeypatch, capsys):
    def fail(*arguments, **settings):
        raise java.JavaError("it died")

    monkeypatch.setattr(java, "runtime", lambda: ("java", 17))
    monkeypatch.setattr(caption_tokens.java, "run", fail)
    assert tokens(["A kite."]) == (["a kite"], LIKE_IT)
    assert "it died" in capsys.readouterr().out


@needs_java
def test_the_program_gives_what_pycocoevalcap_gives():
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    asked = {number: [{"caption": text}] for number, text in enumerate(CAPTIONS) if text.isascii()}
    theirs = [own[0] for own in PTBTokenizer().tokenize(asked).values()]
    assert tokens([CAPTIONS[number] for number in asked]) == (theirs, TREEBANK)


@needs_java
def test_rules_and_program_agree_on_captions_as_people_write_them():
    assert tokens(CAPTIONS)[0] == [treebank_like(text) for text in CAPTIONS]
