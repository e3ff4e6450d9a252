from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from transformers import ViltImageProcessor

from stages.common.failures import UserError
from stages.common.images import Fit, fit_images, fit_picture, read_images, to_8_bit, write_images
from stages.common.open_clip_import import import_open_clip


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


def thirds() -> Image.Image:
    """90 x 30 pixels: red, blue, red."""
    picture = Image.new("RGB", (90, 30), "red")
    picture.paste("blue", (30, 0, 60, 30))
    return picture


def test_shortest_scales_the_short_side_and_keeps_the_middle(tmp_path: Path) -> None:
    thirds().save(tmp_path / "wide.png")
    images = read_images([tmp_path / "wide.png"], Fit(12))
    assert images.shape == (1, 3, 12, 12)
    assert images[0, 2, :, 2:10].min() > 0.95


def test_squash_keeps_all_of_a_wide_picture(tmp_path: Path) -> None:
    thirds().save(tmp_path / "wide.png")
    images = read_images([tmp_path / "wide.png"], Fit(12, "squash"))
    assert images.shape == (1, 3, 12, 12)
    assert images[0, 0, 5].round().tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("fit", "scaled"),
    [
        (Fit(12), (28, 12)),  # 12 * 70 / 30 = 28
        (Fit(48), (112, 48)),
        (Fit(32), (74, 32)),  # 32 * 70 / 30 = 74.7, down
        (Fit(32, "squash"), (32, 32)),
        (Fit(32, "longest"), (32, 14)),  # 32 * 30 / 70 = 13.7, to the nearest
        (Fit(1, "longest"), (1, 1)),
    ],
)
def test_sides_are_scaled_as_worked_by_hand(fit: Fit, scaled: tuple) -> None:
    assert fit.scaled(70, 30) == scaled
    assert fit.scaled(30, 70) == scaled[::-1]


@pytest.mark.parametrize(("size", "patch"), [(384, 32), (48, 8), (32, 8)])
def test_a_picture_that_keeps_its_shape_gets_the_sides_that_vilts_image_processor_gives_it(
    size: int, patch: int
) -> None:
    """Both round down to whole patches, and one pixel more or less decides about a row of them.

    Left out are pictures so long that the processor finds no patch across, and fails.
    """
    processor = ViltImageProcessor(size={"shortest_edge": size}, size_divisor=patch)
    fit, longest, cut = Fit(size, patch=patch), int(1333 / 800 * size), 0
    for width in (33, 50, 61, 79, 80, 97, 128, 133, 160, 211, 375, 500):
        for height in (35, 48, 64, 73, 80, 128, 240, 333, 500):
            if longest * min(width, height) / max(width, height) + 0.5 < patch:
                continue
            theirs = processor(torch.empty(3, height, width, dtype=torch.uint8), do_pad=False)["pixel_values"][0].shape
            assert fit.scaled(width, height) == (theirs[2], theirs[1]), (width, height)
            cut += size * max(width, height) / min(width, height) > longest
    assert cut > 20


def test_sides_in_whole_patches_are_those_worked_by_hand() -> None:
    fit = Fit(384, patch=32)
    assert fit.scaled(500, 375) == (512, 384)  # 384 * 500 / 375 = 512
    assert fit.scaled(375, 500) == (384, 512)
    assert fit.scaled(500, 333) == (576, 384)  # 576.58
    assert fit.scaled(1000, 500) == (608, 320)  # 768 is above 639: 639, whole patches; 384 * 639 / 768 = 319.5, up
    assert Fit(32, patch=8).scaled(1000, 10) == (48, 8)  # nothing is lost altogether


def test_a_picture_that_keeps_its_shape_is_only_resized(tmp_path: Path) -> None:
    thirds().save(tmp_path / "wide.png")
    image = read_images([tmp_path / "wide.png"], Fit(32, patch=8))
    assert image.shape == (1, 3, 16, 48)  # of 96 pixels at most 53: scaled by 53 / 96
    assert torch.equal(image, to_tensor(thirds().resize((48, 16), Image.Resampling.BICUBIC)))


def test_longest_and_pad_keep_all_of_a_wide_picture_and_fill_up(tmp_path: Path) -> None:
    thirds().save(tmp_path / "wide.png")
    for mode in ("longest", "pad"):
        image = read_images([tmp_path / "wide.png"], Fit(12, mode, fill=51))[0]
        torch.testing.assert_close(image[:, [0, 11]], torch.full((3, 2, 12), 0.2))
        assert image[0, 5].round().tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]
        assert image[2, 5].round().tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]


def noise(width: int, height: int) -> Image.Image:
    values = numpy.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("fill", [0, 90])
def test_a_picture_is_prepared_pixel_by_pixel_as_open_clip_does(mode: str, interpolation: str, fill: int) -> None:
    words = {"resize_mode": mode, "interpolation": interpolation, "fill_color": fill, "mean": (0, 0, 0)}
    prepare = import_open_clip().image_transform(32, is_train=False, std=(1, 1, 1), **words)
    fit = Fit(32, mode, interpolation, fill)
    for width in (9, 31, 32, 33, 70, 97):
        for height in (10, 32, 45, 64):
            picture = noise(width, height)
            assert torch.equal(to_tensor(fit_picture(picture, fit))[0], prepare(picture)), (width, height)


@pytest.mark.parametrize("size", [(90, 30), (30, 90), (32, 32), (20, 13)])
@pytest.mark.parametrize("mode", ["shortest", "squash", "longest", "pad"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_a_tensor_is_fitted_as_a_picture_is_up_to_rounding(size: tuple, mode: str, interpolation: str) -> None:
    soft = Image.blend(thirds(), Image.new("RGB", (90, 30), "grey"), 0.5)  # Pillow clips between its two passes
    picture, fit = soft.resize(size), Fit(32, mode, interpolation, fill=100)
    as_picture, images = (to_tensor(one) for one in (fit_picture(picture, fit), picture))
    fitted = fit_images(images, fit)
    assert fitted.shape == as_picture.shape == (1, 3, 32, 32)
    assert (fitted - as_picture).abs().max() < 1.6 / 255


def to_tensor(picture: Image.Image) -> torch.Tensor:
    return torch.tensor(list(picture.tobytes())).view(1, picture.height, picture.width, 3).permute(0, 3, 1, 2) / 255


def test_interpolation_is_the_one_that_is_asked_for() -> None:
    """Bicubic overshoots beside an edge, bilinear does not."""
    step = torch.cat([torch.full((1, 3, 4, 2), 0.25), torch.full((1, 3, 4, 2), 0.75)], dim=3)
    cubic, linear = (fit_images(step, Fit(8, interpolation=name)) for name in ("bicubic", "bilinear"))
    assert linear.min() == 0.25 and linear.max() == 0.75
    assert cubic.min() < 0.24 and cubic.max() > 0.76


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"resize_mode": "widest"}, "resize_mode is 'widest', but must be one of: shortest, longest, squash, pad"),
        ({"fill": -1}, "fill is -1, but must be a whole number from 0 to 255"),
        ({"fill": [0]}, "fill is"),
        ({"interpolation": "nearest"}, "interpolation is 'nearest', but must be one of: bicubic, bilinear"),
        ({"interpolation": ["bicubic"]}, "must be one of"),
    ],
)
def test_a_fit_of_another_word_is_refused(words: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Fit(8, **words)


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
