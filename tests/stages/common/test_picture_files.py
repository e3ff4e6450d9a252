"""Picture files: which files count, and how each kind of grey, colour and turn becomes upright RGB."""

import io

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from stages.common.failures import UserError
from stages.common.picture_files import (
    AT_ONCE,
    class_folders,
    fault,
    faults_of,
    pictures_and_others,
    pictures_of,
    read_picture,
)


def paint(path, mode="RGB"):
    Image.new(mode, (8, 8)).save(path)
    return path


def reds(path):
    """The red channel of a picture of one row."""
    return np.asarray(read_picture(path))[0, :, 0].tolist()


def test_every_suffix_of_a_picture_counts_and_masks_and_other_files_do_not(tmp_path):
    names = ["a.png", "b.JPG", "c.jpeg", "d.webp", "e.bmp", "f.tif", "g.tiff", "h.gif"]
    for name in [*names, "a.mask.png"]:
        paint(tmp_path / name)
    (tmp_path / "scenes.jsonl").write_text("{}")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in pictures_of(tmp_path)] == names
    assert all(read_picture(path).mode == "RGB" for path in pictures_of(tmp_path))


def test_a_folder_that_is_not_there_holds_no_pictures(tmp_path):
    assert pictures_of(tmp_path / "nothing") == []


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_picture_is_turned_upright_by_its_exif_tag(tmp_path, suffix):
    """Orientation 6: the first row of the file is the right column of the picture."""
    picture, tag = Image.new("RGB", (32, 16), "white"), Image.Exif()
    picture.paste("black", (0, 8, 32, 16))
    tag[0x0112] = 6
    picture.save(tmp_path / f"turned.{suffix}", exif=tag)
    upright = np.asarray(read_picture(tmp_path / f"turned.{suffix}"))
    assert upright.shape == (32, 16, 3)
    assert upright[:, 1].mean() < 10 and upright[:, 14].mean() > 245


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "<u2"), ("I;16B", ">u2")])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_of_16_bits_is_scaled_to_8_and_rounded(tmp_path, mode, kind, suffix):
    levels = [0, 128, 129, 256, 25700, 65535]  # by 257: 0, 0.498, 0.502, 0.996, 100, 255
    picture = Image.frombytes(mode, (6, 1), np.array(levels, kind).tobytes())
    picture.save(tmp_path / f"grey.{suffix}")
    assert reds(tmp_path / f"grey.{suffix}") == [0, 0, 1, 1, 100, 255]


def test_grey_of_16_bits_with_a_transparent_level_is_read_all_the_same(tmp_path):
    Image.frombytes("I;16", (2, 1), np.array([0, 65535], "<u2").tobytes()).save(tmp_path / "a.png", transparency=65535)
    assert reds(tmp_path / "a.png") == [0, 255]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_grey_of_32_bits_is_refused_with_what_to_do(tmp_path, mode):
    path = paint(tmp_path / "depth.tif", mode)
    told = rf"depth.tif cannot be read as an image: .*32-bit numbers \(mode {mode}\).*Scale it to 8 or 16 bits"
    with pytest.raises(UserError, match=told):
        read_picture(path)
    assert "Scale it to 8 or 16 bits" in fault(path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_modes_become_rgb(tmp_path, mode):
    assert read_picture(paint(tmp_path / "a.png", mode)).mode == "RGB"


def truncated(path):
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:200])


def with_a_broken_chunk(path):
    """The pixels' chunk says that it is shorter than it is, so that no chunk begins behind it."""
    content = bytearray(paint(path).read_bytes())
    content[33:37] = (4).to_bytes(4, "big")
    path.write_bytes(content)


def too_large(path):
    """A BMP, whatever its suffix, whose head promises 60000 x 60000 pixels."""
    content = bytearray(paint(path.with_suffix(".bmp")).read_bytes())
    content[18:26] = (60000).to_bytes(4, "little") * 2
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "raised"),
    [
        (truncated, OSError),
        (with_a_broken_chunk, SyntaxError),
        (too_large, Image.DecompressionBombError),
        (lambda path: path.write_text("no picture"), UnidentifiedImageError),
        (lambda path: path.touch(), UnidentifiedImageError),
    ],
    ids=["truncated", "a broken chunk", "too large", "text", "empty"],
)
def test_a_file_that_cannot_be_decoded_is_told_by_name(tmp_path, harm, raised):
    harm(tmp_path / "a.png")
    with pytest.raises(UserError, match="a.png cannot be read as an image: .") as told:
        read_picture(tmp_path / "a.png")
    assert type(told.value.__cause__) is raised
    assert fault(tmp_path / "a.png") in str(told.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match="none.png: there is no such image"):
        read_picture(tmp_path / "none.png")


def test_a_readable_picture_has_no_fault(tmp_path):
    assert fault(paint(tmp_path / "a.jpg")) is None


def test_a_picture_whose_bytes_come_from_elsewhere_is_read_and_told_in_the_same_words(tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((64, 64), 50).save(path)
    inside = tmp_path / "archive.tar" / "a.png"
    assert read_picture(inside, io.BytesIO(path.read_bytes())).tobytes() == read_picture(path).tobytes()
    assert fault(inside, io.BytesIO(path.read_bytes())) is None
    for content in (b"", b"no picture", path.read_bytes()[:200]):
        path.write_bytes(content)
        assert fault(inside, io.BytesIO(content)) == fault(path)
        with pytest.raises(UserError, match="archive.tar/a.png cannot be read as an image") as told:
            read_picture(inside, io.BytesIO(content))
        assert "0x" not in str(told.value), "an address would differ from run to run"


def test_faults_of_many_files_stand_in_the_order_of_the_files(tmp_path):
    path, broken = paint(tmp_path / "a.png"), tmp_path / "b.png"
    broken.write_text("no picture")
    files = [broken if number % 70 == 0 else path for number in range(3 * AT_ONCE + 1)]
    assert [reason is not None for reason in faults_of(files)] == [file == broken for file in files]
    assert faults_of([path, broken], lambda file: file.name) == ["a.png", "b.png"]
    assert faults_of([]) == []


def test_what_lies_among_pictures_and_should_not_is_told_from_what_may(tmp_path):
    for name in ("b.png", "a.jpg", "a.mask.png", "B.MASK.PNG"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    for name in (".DS_Store", "._a.jpg", "Thumbs.db", "desktop.ini", "scenes.jsonl", "a.json", "z.txt", "c.heic"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()
    pictures, others = pictures_and_others(tmp_path)
    assert [path.name for path in pictures] == ["a.jpg", "b.png"]
    assert [path.name for path in others] == ["c.heic", "more", "z.txt"]


def test_hidden_files_are_no_pictures_whatever_their_suffix(tmp_path):
    paint(tmp_path / ".thumbnail.png")
    assert pictures_and_others(tmp_path) == ([], [])


def test_class_folders_are_sorted_and_hidden_ones_passed_over(tmp_path):
    for name in ("kite", "arch", ".cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "a.txt").touch()
    assert [folder.name for folder in class_folders(tmp_path)] == ["arch", "kite"]


def test_a_root_without_class_folders_is_told(tmp_path):
    with pytest.raises(UserError, match="nothing: there is no such folder"):
        class_folders(tmp_path / "nothing")
    with pytest.raises(UserError, match="holds no folders"):
        class_folders(tmp_path)
