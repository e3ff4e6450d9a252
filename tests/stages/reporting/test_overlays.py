"""The drawn masks of a run, as they were left for the report."""

import json

import pytest
from PIL import Image

from stages.common import paths
from stages.common.failures import UserError
from stages.reporting.overlays import overlays_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """data/overlays/run with three strips, each of a colour of its own."""
    monkeypatch.chdir(tmp_path)
    folder = paths.overlays("run")
    folder.mkdir(parents=True)
    entries = []
    for number in range(3):
        Image.new("RGB", (30, 10), (number, 100, 200)).save(folder / f"{number:02d}.png")
        what = {"picture": f"told/{number}.png", "concept": "moongate", "before": 0.25, "after": 0.5 + number / 4}
        entries.append({"file": f"{number:02d}.png", **what})
    index = {"recipe": "replay", "learning_rate": 6e-4, "seed": 1, "gained": entries[:2], "lost": entries[2:]}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def test_strips_come_in_their_order_with_dice_times_100(folder):
    found = overlays_of("run")
    assert (found.recipe, found.learning_rate, found.seed) == ("replay", 6e-4, 1)
    assert [one.picture for one in found.gained] == ["told/0.png", "told/1.png"]
    assert [(one.before, one.after) for one in found.gained] == [(25, 50), (25, 75)]
    (lost,) = found.lost
    assert (lost.concept, lost.strip.getpixel((0, 0)), lost.strip.size) == ("moongate", (2, 100, 200), (30, 10))


def test_where_nothing_changed_there_are_none(folder):
    index = json.loads((folder / "index.json").read_text()) | {"gained": [], "lost": []}
    (folder / "index.json").write_text(json.dumps(index))
    assert overlays_of("run").gained == overlays_of("run").lost == ()


def test_without_them_it_is_said_what_makes_them(folder):
    (folder / "index.json").unlink()
    with pytest.raises(UserError, match="dvc repro evaluate@run"):
        overlays_of("run")


def test_a_strip_that_is_gone_is_named(folder):
    (folder / "01.png").unlink()
    with pytest.raises(UserError, match=r"01\.png"):
        overlays_of("run")
