from pathlib import Path

import pytest
import torch
from PIL import Image

from stages.common.failures import UserError
from stages.common.images import read_images, to_8_bit, write_images


def test_images_come_back_from_disk_as_they_were_rounded(tmp_path: Path) -> None:
    images = torch.rand(3, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    paths = write_images(tmp_path / "new", images)
    assert [path.name for path in paths] == ["00.png", "01.png", "02.png"]
    assert torch.equal(read_images(paths), to_8_bit(images))
    assert (to_8_bit(images) - images).abs().max() <= 0.5 / 255 + 1e-6


def test_channels_are_red_green_blue(tmp_path: Path) -> None:
    Image.new("RGB", (2, 3), (255, 0, 51)).save(tmp_path / "a.png")
    images = read_images([tmp_path / "a.png"])
    assert images.shape == (1, 3, 3, 2)
    assert images[0, :, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.2])


def test_a_size_scales_the_short_side_and_keeps_the_middle(tmp_path: Path) -> None:
    picture = Image.new("RGB", (90, 30), "red")
    picture.paste("blue", (30, 0, 60, 30))
    picture.save(tmp_path / "wide.png")
    images = read_images([tmp_path / "wide.png"], size=12)
    assert images.shape == (1, 3, 12, 12)
    assert images[0, 2, :, 2:10].min() > 0.95


@pytest.mark.parametrize("bad", [float("nan"), -0.1, 1.1])
def test_values_outside_zero_one_are_refused(tmp_path: Path, bad: float) -> None:
    images = torch.full((1, 3, 2, 2), bad)
    with pytest.raises(ValueError, match="must lie in"):
        write_images(tmp_path, images)
    assert list(tmp_path.iterdir()) == []


def test_a_tensor_without_three_channels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"but is \[1, 1, 2, 2\]"):
        write_images(tmp_path, torch.zeros(1, 1, 2, 2))


def test_corrupt_missing_and_mixed_files_are_told_by_name(tmp_path: Path) -> None:
    good, cut, text = tmp_path / "good.png", tmp_path / "cut.png", tmp_path / "text.png"
    Image.effect_noise((64, 64), 50).save(good)
    cut.write_bytes(good.read_bytes()[:200])
    text.write_text("no picture")
    for path in (cut, text):
        with pytest.raises(UserError, match=f"{path.name} cannot be read as an image"):
            read_images([path])
    with pytest.raises(UserError, match="none.png: there is no such image"):
        read_images([tmp_path / "none.png"])
    with pytest.raises(UserError, match="list of files is empty"):
        read_images([])
    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    with pytest.raises(UserError, match=r"small.png has \(8, 8\) pixels"):
        read_images([good, tmp_path / "small.png"])
