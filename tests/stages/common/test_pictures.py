"""Pictures of a benchmark: all of them, in order, decoded once where they fit into memory."""

import pytest
import torch
from PIL import Image

from stages.common import pictures
from stages.common.images import Fit
from stages.common.pictures import Pictures


@pytest.fixture
def files(tmp_path):
    found = []
    for level in range(5):
        found.append(tmp_path / f"{level}.png")
        Image.new("RGB", (6, 4), (level * 51, 0, 0)).save(found[-1])
    return tuple(found)


@pytest.fixture
def reads(monkeypatch):
    """How many pictures each call decoded; two at a time."""
    counts, read = [], pictures.read_images

    def counted(paths, fit, decode):
        counts.append(len(paths))
        return read(paths, fit, decode)

    monkeypatch.setattr(pictures, "read_images", counted)
    monkeypatch.setattr(pictures, "AT_ONCE", 2)
    return counts


def reds(parts):
    return [round(image[0, 0, 0].item(), 3) for part in parts for image in part]


def test_they_come_in_order_and_as_squares(files, reads):
    parts = list(Pictures(files, Fit(4)))
    assert reads == [2, 2, 1]
    assert torch.cat(parts).shape == (5, 3, 4, 4)
    assert reds(parts) == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_what_fits_into_memory_is_decoded_once_and_before_it_is_asked_for(files, reads):
    asked = Pictures(files, Fit(4))
    assert reads == [2, 2, 1]
    assert reds(asked) == reds(asked) == [0.0, 0.2, 0.4, 0.6, 0.8]
    assert reads == [2, 2, 1]


def test_what_does_not_fit_into_memory_is_decoded_each_time(files, reads, monkeypatch):
    monkeypatch.setattr(pictures, "KEPT_BYTES", 5 * 4 * 4 * 3 - 1)
    asked = Pictures(files, Fit(4))
    assert reads == []
    assert reds(asked) == reds(asked) == [0.0, 0.2, 0.4, 0.6, 0.8]
    assert reads == [2, 2, 1] * 2


def test_kept_pictures_are_the_same_numbers_as_those_read_again(files, monkeypatch):
    kept = torch.cat(list(Pictures(files, Fit(3))))
    monkeypatch.setattr(pictures, "KEPT_BYTES", 0)
    assert torch.equal(kept, torch.cat(list(Pictures(files, Fit(3)))))


def test_a_benchmark_may_read_its_files_in_its_own_way(files):
    (part,) = Pictures(files[:1], Fit(4), lambda path: Image.new("RGB", (6, 4), (0, 255, 0)))
    assert part[0, 1].min() == 1


@pytest.mark.parametrize("kept_bytes", [0, 10**6], ids=["decoded each time", "decoded once"])
def test_they_are_brought_to_a_square_in_the_models_own_way(tmp_path, monkeypatch, kept_bytes):
    """Of black, red, black the cut keeps the red third alone, squashing keeps all."""
    monkeypatch.setattr(pictures, "KEPT_BYTES", kept_bytes)
    picture = Image.new("RGB", (12, 4))
    picture.paste("red", (4, 0, 8, 4))
    picture.save(tmp_path / "thirds.png")
    files = (tmp_path / "thirds.png",)
    (cut,), (squashed,) = Pictures(files, Fit(4)), Pictures(files, Fit(4, "squash"))
    assert cut[0, 0].mean() == 1
    assert 0.3 < squashed[0, 0].mean() < 0.4
