"""Which pictures are drawn, in which order, and what lies in the folder."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from stages.common import paths
from stages.common.masked import Masked
from stages.common.segmenting import Settings
from stages.evaluation.outlines import Outliner
from stages.evaluation.overlays import write_none, write_overlays
from stages.evaluation.segmentation import Sheet
from stages.figures import overlay

TAUGHT = {"phase": "taught", "setting": "taught", "recipe": "replay", "learning_rate": 0.1, "seed": 1}


class Same:
    """A segmenter that takes the coarse mask."""

    def masks(self, picture, prompts):
        return np.stack([prompt.coarse for prompt in prompts])


def read(path):
    return Image.new("RGB", (12, 8), (int(path.stem), 0, 0))


def mask(path):
    return np.arange(96).reshape(8, 12) < 20


def written(before, after, labels=None):
    """The index of a run with these values of Dice; label 1 is taught, 0 known."""
    n = len(before)
    labels = np.array(labels or [1] * n)
    files = tuple(Path(f"{number}.png") for number in range(n))
    benchmark = Masked("b", files, ("arch", "moongate"), tuple(labels.tolist()), read=read, mask=mask)
    question = SimpleNamespace(benchmark=benchmark, labels=labels, classes=benchmark.classes, is_new=labels == 1)
    outliner = Outliner(benchmark, {}, Settings(mask="threshold"), Same(), is_light=True)
    noise = [{**TAUGHT, "phase": "control", "setting": "noise"}, {**TAUGHT, "seed": 0}]
    settings = [{"phase": "baseline", "setting": way} for way in ("name", "description")] + [*noise, TAUGHT]
    sheets = [Sheet(setting, {"": saliency(n, place)}) for place, setting in enumerate(settings)]
    dice = [before, np.zeros(n), np.ones(n), np.ones(n), after]
    judged = SimpleNamespace(numbers=[{"dice": np.array(each)} for each in dice])
    write_overlays(SimpleNamespace(run="run", question=question, outliner=outliner), sheets, judged, TAUGHT)
    return json.loads((paths.overlays("run") / "index.json").read_text())


def saliency(n, place):
    """Of each model a place of its own that is salient in picture k, brighter than the k others."""
    maps = np.zeros((n, 2, 5), np.float32)
    maps[:, 1, place] = 1
    return maps


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def numbers(entries):
    return [int(Path(one["picture"]).stem) for one in entries]


def test_those_that_gained_most_come_first_and_those_that_lost_most():
    index = written([0.5, 0.5, 0.5, 0.5, 0.5], [0.6, 0.1, 0.9, 0.5, 0.4])
    assert (numbers(index["gained"]), numbers(index["lost"])) == ([2, 0], [1, 4])
    first = index["gained"][0]
    assert first == {"file": "00.png", "picture": "2.png", "concept": "moongate", "before": 0.5, "after": 0.9}
    assert [one["file"] for kind in ("gained", "lost") for one in index[kind]] == [f"{n:02d}.png" for n in range(4)]
    assert (index["recipe"], index["learning_rate"], index["seed"]) == ("replay", 0.1, 1)
    files = sorted(path.name for path in paths.overlays("run").iterdir())
    assert files == ["00.png", "01.png", "02.png", "03.png", "index.json"]


def test_equal_ones_stand_in_the_order_of_the_benchmark():
    index = written([0.5] * 6, [0.75, 0.25, 0.75, 0.25, 0.75, 0.25])
    assert (numbers(index["gained"]), numbers(index["lost"])) == ([0, 2, 4], [1, 3, 5])


def test_known_things_are_not_drawn():
    index = written([0.1, 0.1, 0.9, 0.9], [0.9, 0.8, 0.1, 0.2], labels=[0, 1, 0, 1])
    assert (numbers(index["gained"]), numbers(index["lost"])) == ([1], [3])


def test_ten_gains_and_five_losses_are_drawn_at_most():
    after = [0.5 + n / 100 for n in range(1, 13)] + [0.5 - n / 100 for n in range(1, 8)]
    index = written([0.5] * 19, after)
    assert numbers(index["gained"]) == [*range(11, 1, -1)] and numbers(index["lost"]) == [18, 17, 16, 15, 14]


def test_a_strip_shows_the_untouched_model_and_the_one_that_is_meant():
    index = written([0.5, 0.5], [0.5, 0.9])
    found = Image.open(paths.overlays("run") / index["gained"][0]["file"])
    picture = np.asarray(read(Path("1.png")))
    large = [Image.fromarray(saliency(1, place)[0]).resize((12, 8), Image.Resampling.BILINEAR) for place in (0, 4)]
    maps = np.stack([np.asarray(one) / np.max(one) for one in large])
    masks = maps > 0.3
    expected = overlay.draw(picture, mask(Path("1.png")), maps, masks)
    assert np.array_equal(np.asarray(found), np.asarray(expected))


def test_what_lay_in_the_folder_before_is_gone():
    paths.overlays("run").mkdir(parents=True)
    (paths.overlays("run") / "07.png").touch()
    written([0.5], [0.5])
    assert [path.name for path in paths.overlays("run").iterdir()] == ["index.json"]
    written([0.5], [0.6])
    write_none("run")
    assert [path.name for path in paths.overlays("run").iterdir()] == ["index.json"]
    assert json.loads((paths.overlays("run") / "index.json").read_text()) == {}


def test_where_nothing_changed_there_is_an_index_alone():
    index = written([0.5, 0.2], [0.5, 0.2])
    assert index["gained"] == index["lost"] == []
