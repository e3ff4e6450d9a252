"""Pictures with masks as a record, and mask files; what listings promise is asked in tests/stages/benchmarks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.common import masked
from stages.common.failures import UserError
from stages.common.faults import Fault
from stages.common.masked import Masked, MaskFiles, MaskListing, above_half, above_zero, checked, levels, paired

PICTURES = (Path("0.png"), Path("1.png"))


def save(path, array, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(array))
    (picture.convert(mode) if mode else picture).save(path)
    return path


def grey(rows, dtype=np.uint8):
    return np.array(rows, dtype)


@pytest.mark.parametrize(("classes", "labels"), [(("a",), (0, 1)), ((), (0, 1)), (("a", "b"), (0,))])
def test_a_record_whose_labels_do_not_fit_cannot_be_made(classes, labels):
    with pytest.raises(AssertionError):
        Masked("x", PICTURES, classes, labels, mask=above_half)


def test_a_listing_of_nothing_is_refused_with_what_is_wrong():
    with pytest.raises(
        UserError, match=r"scans holds no picture with a mask .* wrong there: 0.png \(it is missing\)\."
    ):
        MaskListing(Path("scans"), "x", {"": []}, [Fault("0.png", "it is missing")], mask=above_half)
    with pytest.raises(UserError, match=r"shows something for 1 of 2 classes: arch\. 3 pictures have an empty mask\.$"):
        MaskListing(Path("scans"), "x", {"arch": [], "kite": [*PICTURES]}, [], mask=above_half, negatives=3)


def test_a_mask_is_true_above_half_of_white(tmp_path):
    path = save(tmp_path / "a.png", grey([[0, 1, 127], [128, 200, 255]]))
    assert above_half(path).tolist() == [[False] * 3, [True] * 3]
    assert above_zero(path).tolist() == [[False, True, True], [True] * 3]


def test_a_mask_of_no_levels_but_0_and_1_is_true_at_1(tmp_path):
    path = save(tmp_path / "a.png", grey([[0, 1, 0]]))
    assert above_half(path).tolist() == [[False, True, False]]


@pytest.mark.parametrize(
    ("levels_of", "dtype"), [((0, 2), np.uint8), ((0, 100), np.uint8), ((0, 255), np.uint16), ((0, 9), np.uint16)]
)
def test_a_mask_of_black_and_one_other_level_is_true_at_that_however_dark(levels_of, dtype, tmp_path):
    path = save(tmp_path / "a.png", grey([levels_of, (0, 0)], dtype))
    assert above_half(path).tolist() == [[False, True], [False, False]]


def test_a_mask_of_a_dark_palette_is_true_at_its_colour(tmp_path):
    picture = Image.fromarray(grey([[0, 3, 3]])).convert("P")
    picture.putpalette([0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 60, 10])
    picture.putdata([0, 3, 3])
    picture.save(tmp_path / "a.png")
    assert above_half(tmp_path / "a.png").tolist() == [[False, True, True]]


@pytest.mark.parametrize("rows", [[[0, 1, 2]], [[0, 60, 127]], [[100, 100]], [[1, 2]]])
def test_a_mask_that_is_not_black_and_nowhere_above_half_of_white_is_told(rows, tmp_path):
    path = save(tmp_path / "a.png", grey(rows))
    told = f"a.png is not black, but nowhere above half of white: its highest level is {np.max(rows)}.$"
    with pytest.raises(UserError, match=told):
        above_half(path)
    assert (above_zero(path) == (np.array(rows) > 0)).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_mask_that_is_transparent_in_places_is_told(mode, tmp_path):
    picture = Image.fromarray(grey([[0, 255, 255]])).convert(mode)
    if mode == "P":
        picture.save(tmp_path / "a.png", transparency=0)
    else:
        picture.putalpha(Image.fromarray(grey([[0, 255, 254]])))
        picture.save(tmp_path / "a.png")
    with pytest.raises(
        UserError, match=r"a.png cannot be read as a mask: it is transparent in places, .* without alpha\.$"
    ):
        levels(tmp_path / "a.png")


def test_several_files_are_a_mask_together_and_have_one_size(tmp_path):
    first, second = save(tmp_path / "a.png", grey([[0, 255, 0]])), save(tmp_path / "b.png", grey([[0, 0, 9]]))
    assert MaskFiles({PICTURES[0]: (first, second)})(PICTURES[0]).tolist() == [[False, True, True]]
    save(second, grey([[0, 9]]))
    with pytest.raises(UserError, match=r"^0.png: the files of its mask have different sizes\.$"):
        MaskFiles({PICTURES[0]: (first, second)})(PICTURES[0])


def test_a_mask_of_16_bits_is_true_above_half_of_its_own_white(tmp_path):
    path = save(tmp_path / "a.png", grey([[0, 32767, 32768]], np.uint16))
    assert above_half(path).tolist() == [[False, False, True]]
    assert above_zero(path).tolist() == [[False, True, True]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_a_mask_may_have_any_mode_of_8_bits(mode, tmp_path):
    path = save(tmp_path / "a.png", grey([[0, 255, 255]]), mode)
    assert above_half(path).tolist() == above_zero(path).tolist() == [[False, True, True]]


def test_of_a_coloured_mask_the_highest_channel_counts(tmp_path):
    path = save(tmp_path / "a.png", grey([[[0, 0, 200], [90, 90, 90]]]))
    assert levels(path).tolist() == [[200, 90]]


def test_an_empty_mask_stays_empty(tmp_path):
    path = save(tmp_path / "a.png", grey([[0, 0]]))
    assert not above_half(path).any() and not above_zero(path).any()


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda path: path.write_bytes(b"x"), "cannot be read as a mask: it is empty, broken off at its beginning"),
        (lambda path: Image.new("I", (2, 2)).save(path, "TIFF"), r"cannot be read as a mask: .*32-bit numbers"),
        (lambda path: None, "there is no such mask"),
    ],
    ids=["no picture", "32 bits", "missing"],
)
def test_a_mask_that_cannot_be_read_is_told_in_one_line(draw, told, tmp_path):
    draw(tmp_path / "a.png")
    with pytest.raises(UserError, match=f"a.png.*{told}") as error:
        levels(tmp_path / "a.png")
    assert "\n" not in str(error.value)


def test_pictures_and_masks_are_paired_by_name_and_never_by_order(tmp_path):
    for name in ("b.jpg", "c.png", "d.png"):
        save(tmp_path / "images" / name, grey([[0]]))
    for name in ("a.png", "b.png", "c.tif"):
        save(tmp_path / "masks" / name, grey([[0]]))
    pairs, faults = paired(tmp_path, tmp_path / "images", tmp_path / "masks")
    assert [(path.name, mask.name) for path, mask in pairs.items()] == [("b.jpg", "b.png"), ("c.png", "c.tif")]
    assert faults == [Fault("images/d.png", masked.NO_MASK), Fault("masks/a.png", masked.NO_PICTURE)]


def test_what_is_no_picture_or_called_as_another_is_a_fault(tmp_path):
    for name in ("images/a.jpg", "images/a.png", "masks/a.png"):
        save(tmp_path / name, grey([[0]]))
    (tmp_path / "masks/notes.txt").write_text("x")
    pairs, faults = paired(tmp_path, tmp_path / "images", tmp_path / "masks")
    assert [path.name for path in pairs] == ["a.jpg"]
    assert [(fault.file, fault.reason) for fault in faults] == [
        ("images/a.png", "a.jpg is called so too"),
        ("masks/notes.txt", "it is no picture, so it does not belong there"),
    ]


def drawn(root, masks):
    """The listing of pictures of 3 x 2 pixels with these masks, one an array or bytes."""
    pairs = {}
    for number, mask in enumerate(masks):
        picture = save(root / f"images/{number}.png", np.zeros((2, 3, 3), np.uint8))
        path = root / f"masks/{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mask) if isinstance(mask, bytes) else save(path, mask)
        pairs[picture] = path
    return MaskListing(root, "x", {"": [*pairs]}, [Fault("9.png", "it is missing")], mask=MaskFiles(pairs), negatives=2)


def test_masks_of_another_size_and_broken_ones_are_faults_and_empty_ones_are_counted(tmp_path):
    whole = np.full((2, 3), 255, np.uint8)
    found = checked(drawn(tmp_path, [whole, np.zeros((2, 3), np.uint8), whole.T, b"x", whole]))
    assert [path.name for path in found.paths] == ["0.png", "4.png"]
    assert (found.classes, found.labels, found.negatives) == ((), (0, 0), 3)
    size, broken, missing = found.faults
    assert size == Fault("images/2.png", "its mask has 2 x 3 pixels, the picture 3 x 2")
    assert broken.file == "images/3.png" and broken.reason.startswith("masks/3.png cannot be read as a mask: ")
    assert missing == Fault("9.png", "it is missing")
    assert not any(fault.reason.endswith(".") for fault in found.faults)


def test_where_all_masks_are_empty_that_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"wrong there: 9.png \(it is missing\)\. 3 pictures have an empty mask\."):
        checked(drawn(tmp_path, [np.zeros((2, 3), np.uint8)]))


def test_a_mask_that_is_not_black_is_a_fault_and_no_negative(tmp_path):
    whole = np.full((2, 3), 255, np.uint8)
    found = checked(drawn(tmp_path, [whole, whole // 3, np.arange(6, dtype=np.uint8).reshape(2, 3)]))
    assert (len(found.paths), found.negatives) == (1, 2)  # the two that the list names
    assert [fault.file for fault in found.faults] == ["images/1.png", "images/2.png", "9.png"]
    assert found.faults[0].reason.startswith("masks/1.png is not black, but nowhere above half of white")


def test_one_empty_mask_is_told_as_one(tmp_path):
    path = save(tmp_path / "0.png", grey([[0, 0]]))
    with pytest.raises(UserError, match=r"shows something\. 1 picture has an empty mask\.$"):
        checked(MaskListing(tmp_path, "x", {"": [path]}, [], mask=MaskFiles({path: path})))
