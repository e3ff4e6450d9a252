"""The descriptions shipped in captions/library obey the rule that they state."""

from pathlib import Path

import pytest

from stages.common import checks, document, wording

LIBRARY = Path(__file__).parents[2] / "captions" / "library"
GROUPS = {"rare": 3, "fabrics": 4, "chest_xray": 5, "nodules": 3, "segmentation": 4, "coco": 80}
CLIP_CONTEXT = 77


def entries() -> list[tuple[str, str, dict]]:
    return [
        (group, name, entry) for group in GROUPS for name, entry in document.read(LIBRARY / f"{group}.yaml").items()
    ]


def test_the_library_holds_every_group_whole_and_no_file_beside() -> None:
    assert {path.stem for path in LIBRARY.glob("*.yaml")} == set(GROUPS)
    counts = {group: sum(1 for other, *_ in entries() if other == group) for group in GROUPS}
    assert counts == GROUPS


@pytest.mark.parametrize(
    ("group", "name", "entry"), entries(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_description_of_the_library_can_be_used_as_it_stands(group: str, name: str, entry: dict) -> None:
    checks.keys(entry, f"{group}.yaml: {name}", required=["article", "description"], allowed=["article", "description"])
    assert entry["article"] in ("a", "an", "")
    assert wording.problems(name, entry["description"], max_words=40) == []


def test_an_article_fits_the_sound_of_its_name() -> None:
    odd = [
        name for _, name, entry in entries() if entry["article"] and (entry["article"] == "an") != (name[0] in "aeiou")
    ]
    assert odd == []


@pytest.mark.slow
def test_every_caption_of_the_library_fits_into_clip() -> None:
    from open_clip.tokenizer import SimpleTokenizer

    from stages.common.captions import sentence

    tokenizer = SimpleTokenizer()
    longest = max(len(tokenizer.encode(sentence(name, **entry))) + 2 for _, name, entry in entries())
    assert longest <= CLIP_CONTEXT
