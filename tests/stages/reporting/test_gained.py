"""Which captions gained and lost most."""

import pytest
from PIL import Image

from stages.reporting.gained import changes_of
from tests.stages.made_up_rows import captioned, written_lines


def test_the_largest_gains_and_losses_of_the_chosen_checkpoint_come_first():
    changes = changes_of(captioned(), written_lines(), seed=0)
    assert (changes.metric, changes.recipe, changes.learning_rate, changes.seed) == ("CIDEr", "replay", 6e-4, 0)
    assert [change.after for change in changes.gained] == [f"taught {number}" for number in range(10, 0, -1)]
    assert [change.after for change in changes.lost] == ["taught 11"]
    first = changes.gained[0]
    assert (first.before, first.reference) == ("name 10", "picture 10")
    assert (first.score_before, first.score_after) == pytest.approx((50, 150))


def test_what_neither_gained_nor_lost_is_not_shown():
    changes = changes_of(captioned(), written_lines(), seed=1)
    assert changes.gained == changes.lost == ()


def test_meteor_puts_them_in_order_where_it_ran():
    lines = written_lines()
    lines["meteor"] = -lines["cider"] / 10
    changes = changes_of(captioned(), lines, seed=0)
    assert changes.metric == "METEOR" and changes.gained[0].after == "taught 11"
    assert len(changes.lost) == 5 and changes.lost[0].after == "taught 10"


def test_a_picture_is_shown_where_it_still_lies_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "told").mkdir()
    Image.new("RGB", (8, 8), (9, 8, 7)).save("told/10.png")
    first, second, *_ = changes_of(captioned(), written_lines(), seed=0).gained
    assert first.picture.getpixel((0, 0)) == (9, 8, 7) and second.picture is None


def test_a_run_without_captions_has_none():
    assert changes_of(captioned(), written_lines(0), seed=0) is None
