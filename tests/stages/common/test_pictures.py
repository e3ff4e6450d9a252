"""Pictures of a benchmark: all of them, in order, decoded once where they fit into memory."""

import pytest
import torch
from PIL import Image

from stages.common import pictures
from stages.common.images import Fit, read_images
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
    counts, read = [], pictures.read_bytes

    def counted(paths, fit, decode):
        counts.append(len(paths))
        return read(paths, fit, decode)

    monkeypatch.setattr(pictures, "read_bytes", counted)
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


@pytest.fixture
def of_many_shapes(tmp_path):
    files = tuple(tmp_path / f"{number}.png" for number in range(4))
    for number, file in enumerate(files):
        Image.effect_noise((20 + 10 * number, 20), 90).convert("RGB").save(file)
    return files


@pytest.mark.parametrize("kept_bytes", [0, 10**6], ids=["decoded each time", "decoded once"])
def test_each_picture_comes_in_its_own_shape_from_one_number_to_before_another(of_many_shapes, monkeypatch, kept_bytes):
    monkeypatch.setattr(pictures, "KEPT_BYTES", kept_bytes)
    fit = Fit(16, patch=8)
    asked = Pictures(of_many_shapes, fit)
    assert [tuple(image.shape) for image in asked.each(0, 4)] == [(1, 3, 16, 16), (1, 3, 16, 24), *[(1, 3, 8, 24)] * 2]
    for image, file in zip(asked.each(1, 3), of_many_shapes[1:3], strict=True):
        assert torch.equal(image, read_images([file], fit))
    assert len(list(asked.each(3, 100))) == 1 and list(asked.each(4, 8)) == []


def test_one_by_one_they_are_what_they_are_together(files):
    asked = Pictures(files, Fit(4))
    assert torch.equal(torch.cat(list(asked.each(0, 5))), torch.cat(list(asked)))


def test_pictures_in_their_own_shape_may_take_more_memory_than_squares(of_many_shapes, monkeypatch):
    square, longest = 4 * 16 * 16 * 3, 4 * 16 * 16 * 3 * 1333 / 800
    for kept_bytes, patch, is_kept in ((square, 0, True), (square, 8, False), (longest, 8, True)):
        monkeypatch.setattr(pictures, "KEPT_BYTES", kept_bytes)
        assert (Pictures(of_many_shapes, Fit(16, patch=patch))._kept is not None) == is_kept
