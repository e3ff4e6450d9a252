from pathlib import Path

import pytest

from stages.common import captions
from stages.common.captions import Caption, fingerprint, one_line, sentence
from stages.common.failures import UserError

TEXT = 'a round opening: brick, stone # and "plaster", so long a text that YAML has to fold it over several lines' * 2


def test_a_caption_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    caption = Caption("moongate", "a", TEXT, "by hand", written=fingerprint(TEXT))
    captions.write(tmp_path / "x.yaml", caption)
    assert captions.read(tmp_path / "x.yaml") == caption
    assert not caption.is_edited
    assert "prompts:" not in (tmp_path / "x.yaml").read_text()


def test_prompts_come_back_in_their_order(tmp_path: Path) -> None:
    caption = Caption("edema", "", TEXT, "by hand", prompts=("mild edema", "edema of both lungs"))
    captions.write(tmp_path / "x.yaml", caption)
    assert captions.read(tmp_path / "x.yaml") == caption


def test_a_file_written_by_hand_counts_as_edited_and_folded_lines_are_one(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("name: moongate\narticle: a\ndescription: |\n  a round\n  opening\n")
    caption = captions.read(path)
    assert caption.description == "a round opening"
    assert caption.is_edited


def test_a_caption_file_with_a_typo_is_told_by_place(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("name: moongate\narticle: a\ndescripton: a\n")
    with pytest.raises(UserError, match=r"x.yaml line 3: descripton .*Did you mean 'description'"):
        captions.read(path)


def test_paragraphs_stay_apart_and_line_breaks_inside_go() -> None:
    assert one_line(" a\nb \n\n c\n") == "a b\n\nc"


@pytest.mark.parametrize(
    ("words", "caption"),
    [
        (("moongate", "a", "a round opening"), "A moongate is a round opening"),
        (("moongate", "a", "A round opening"), "A moongate is a round opening"),
        (("edema", "an", "X-ray with a veil"), "An edema is X-ray with a veil"),
        (("scissors", "", "two blades"), "Scissors is two blades"),
        (("Eiffel tower", "the", "Another text"), "The Eiffel tower is Another text"),
    ],
)
def test_a_caption_is_article_name_and_description(words: tuple[str, str, str], caption: str) -> None:
    assert sentence(*words) == caption
