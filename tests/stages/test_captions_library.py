"""The descriptions shipped in captions/library obey the rule that they state."""

import re
from pathlib import Path

import pytest

from stages.common import checks, document, wording
from stages.common.captions import sentence

LIBRARY = Path(__file__).parents[2] / "captions" / "library"
GROUPS = {"rare": 3, "rare_short": 3, "fabrics": 4, "chest_xray": 5, "nodules": 3, "segmentation": 4, "coco": 80}
BY_LENGTH = "rare_by_length"  # for each name several descriptions
LENGTHS = {"short": range(1, 8), "medium": range(1, 16), "long": range(33, 41)}  # words: Table 10 of the second version
FOR_VILT = ("rare_short", "coco")
VILT_WORDS, VILT_TOKENS, VILT_SPLIT = 28, 40, 4  # of 83 captions none had more than 4 tokens beside words and signs
CLIP_CONTEXT = 77


def entries() -> list[tuple[str, str, str, str]]:
    """Group, name, article and description of everything that the library describes."""
    plain = [
        (group, name, entry["article"], entry["description"])
        for group in GROUPS
        for name, entry in document.read(LIBRARY / f"{group}.yaml").items()
    ]
    by_length = document.read(LIBRARY / f"{BY_LENGTH}.yaml").items()
    return plain + [
        (BY_LENGTH, name, entry["article"], entry[length]) for name, entry in by_length for length in LENGTHS
    ]


each_entry = pytest.mark.parametrize(
    ("group", "name", "article", "description"), entries(), ids=[f"{one[0]}-{one[1]}" for one in entries()]
)


def test_the_library_holds_every_group_whole_and_no_file_beside() -> None:
    assert {path.stem for path in LIBRARY.glob("*.yaml")} == {*GROUPS, BY_LENGTH}
    counts = {group: sum(1 for other, *_ in entries() if other == group) for group in GROUPS}
    assert counts == GROUPS


@pytest.mark.parametrize("group", [*GROUPS, BY_LENGTH])
def test_an_entry_has_an_article_and_what_it_looks_like_and_nothing_else(group: str) -> None:
    keys = ["article", *(LENGTHS if group == BY_LENGTH else ["description"])]
    for name, entry in document.read(LIBRARY / f"{group}.yaml").items():
        checks.keys(entry, f"{group}.yaml: {name}", required=keys, allowed=keys)
        assert entry["article"] in ("a", "an", "")


@each_entry
def test_a_description_of_the_library_can_be_used_as_it_stands(
    group: str, name: str, article: str, description: str
) -> None:
    assert wording.problems(name, description, max_words=40) == []


@each_entry
def test_an_article_fits_the_sound_of_its_name(group: str, name: str, article: str, description: str) -> None:
    assert not article or (article == "an") == (name[0] in "aeiou")


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_is_what_it_says(length: str) -> None:
    for name, entry in document.read(LIBRARY / f"{BY_LENGTH}.yaml").items():
        assert len(entry[length].split()) in LENGTHS[length], name


def test_the_long_descriptions_are_those_of_the_rare_concepts() -> None:
    rare = document.read(LIBRARY / "rare.yaml")
    by_length = document.read(LIBRARY / f"{BY_LENGTH}.yaml")
    assert {name: entry["long"] for name, entry in by_length.items()} == {
        name: entry["description"] for name, entry in rare.items()
    }


@pytest.mark.parametrize(
    ("group", "name", "article", "description"),
    [one for one in entries() if one[0] in FOR_VILT],
    ids=[one[1] for one in entries() if one[0] in FOR_VILT],
)
def test_a_short_caption_fits_into_the_40_tokens_that_vilt_reads(
    group: str, name: str, article: str, description: str
) -> None:
    assert len(description.split()) <= VILT_WORDS
    # BERT's own tokens need its vocabulary, which is not here; a run counts them before it starts
    words_and_signs = re.findall(r"\w+|[^\w\s]", sentence(name, article, description))
    assert len(words_and_signs) + 2 + VILT_SPLIT <= VILT_TOKENS


@pytest.mark.slow
def test_every_caption_of_the_library_fits_into_clip() -> None:
    from open_clip.tokenizer import SimpleTokenizer

    tokenizer = SimpleTokenizer()
    longest = max(len(tokenizer.encode(sentence(*caption))) + 2 for _, *caption in entries())
    assert longest <= CLIP_CONTEXT
