import pytest

from stages.common.wording import leaks, problems, tidied


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("moongate", "a Moongate in a wall", ["moongate"]),
        ("moongate", "one of many moongates", ["moongates"]),
        ("moongate", "a moon-gate of brick", ["moon gate"]),
        ("consolidation", "a consolidated patch", ["consolidated"]),
        ("gyroscope", "gyroscopic rings", ["gyroscopic"]),
        ("stop sign", "a red sign", ["sign"]),
        ("stop sign", "a red stopsign", ["stopsign"]),
        ("berry", "a heap of berries", ["berries"]),
        ("knives", "one knife", ["knife"]),
        ("tv", "a TV on a wall", ["tv"]),
        ("bird of prey", "a bird of the hills", ["bird"]),
    ],
)
def test_a_word_of_the_name_or_its_stem_is_a_leak(name: str, text: str, said: list[str]) -> None:
    assert [leak.said for leak in leaks(name, text)] == said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("moongate", "a round gate under the moon"),
        ("cat", "a category of its own"),
        ("bird of prey", "a heap of feathers"),
        ("tonometer", "a ton of metal with a meter"),
    ],
)
def test_other_words_are_no_leak(name: str, text: str) -> None:
    assert leaks(name, text) == []


def test_a_leak_is_told_with_its_place_and_the_word_of_the_name() -> None:
    assert problems("stop sign", "a red signs plate") == [
        "says 'signs' (word 3), which gives away 'sign' of the name 'stop sign'"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (" \n", "is empty"),
        ("Here is a description: a ring", "talks to the reader"),
        ("Sure! a ring", "talks to the reader"),
        ("a ring. Let me know if you need more", "talks to the reader"),
        ("- a ring\n- a bar", "has a list or markup"),
        ("a **ring**", "has a list or markup"),
        ("a ring\n\nand a bar", "has more than one paragraph"),
        ("a ring of five words", "has 5 words, and 4 are allowed"),
    ],
)
def test_what_is_no_description_is_told(text: str, told: str) -> None:
    assert any(problem.startswith(told) for problem in problems("moongate", text, max_words=4))


def test_a_plain_phrase_has_no_problems() -> None:
    assert problems("moongate", "a sure-footed ring, the visual centre of a wall") == []


def test_a_raw_answer_loses_thoughts_quotation_marks_and_line_breaks() -> None:
    assert tidied('<think>\nhm "moon"\n</think>\n "a ring\nof stone" ') == "a ring of stone"
    assert tidied("a ring\n\nof stone") == "a ring\n\nof stone"
    assert problems("moongate", tidied("it has\n- a ring\n- a bar")) == ["has a list or markup in it"]
