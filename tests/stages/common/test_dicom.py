"""DICOM files: levels come back as they were written."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.common import dicom
from stages.common.failures import UserError
from tests.stages.benchmarks.drawn_masked import write_dicom

LEVELS = np.arange(-6, 6, dtype=np.int16).reshape(3, 4)


def written(path, stored=LEVELS, **values):
    write_dicom(path, stored, **values)
    return path


def test_a_slice_comes_back_in_hounsfield_units(tmp_path):
    path = written(tmp_path / "a.dcm", RescaleSlope="2.5", RescaleIntercept="-1024")
    assert dicom.hounsfield(path).tolist() == (LEVELS * 2.5 - 1024).tolist()
    assert dicom.hounsfield(written(tmp_path / "b.dcm")).tolist() == LEVELS.tolist()


def test_a_window_is_black_below_and_white_above():
    units = np.array([-3000, -1350, -1200, -600, 149, 150, 3000], np.float32)
    # 255 / 1500 = 0.17 a unit: 150 units above black are 25.5, rounded 26; half of 255 is 127.5, rounded 128
    assert dicom.windowed(units, -600, 1500).tolist() == [0, 0, 26, 128, 255, 255, 255]


def test_an_x_ray_of_8_bits_comes_back_as_it_is(tmp_path):
    levels = np.arange(256, dtype=np.uint8).reshape(8, 32)
    assert (dicom.xray(written(tmp_path / "a.dcm", levels)) == levels).all()
    assert dicom.size(tmp_path / "a.dcm") == (8, 32)


def test_an_x_ray_of_more_bits_is_brought_to_8_and_a_negative_one_turned_round(tmp_path):
    levels = np.array([[0, 2048, 4095]], np.uint16)
    path = written(tmp_path / "a.dcm", levels, BitsStored=12, HighBit=11)
    assert dicom.xray(path).tolist() == [[0, 128, 255]]
    path = written(tmp_path / "b.dcm", levels, BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1")
    assert dicom.xray(path).tolist() == [[255, 127, 0]]


def test_an_x_ray_that_is_compressed_as_jpeg_is_read(tmp_path):
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGBaseline8Bit

    levels = np.repeat(np.arange(0, 250, 10, dtype=np.uint8)[:, None], 16, 1)
    path, jpeg = written(tmp_path / "a.dcm", levels), io.BytesIO()
    Image.fromarray(levels).save(jpeg, "JPEG", quality=95)
    file = dcmread(path)
    file.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    file.PixelData = encapsulate([jpeg.getvalue()])
    file["PixelData"].is_undefined_length = True
    file.save_as(path)
    assert np.abs(dicom.xray(path).astype(int) - levels).max() <= 3
    assert dicom.size(path) == (25, 16)


@pytest.mark.parametrize("ask", [dicom.hounsfield, dicom.xray, dicom.size])
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.unlink(), "there is no such image"),
        (lambda path: path.write_bytes(b"x"), "cannot be read as DICOM: it does not begin as such a file"),
        (lambda path: path.write_bytes(path.read_bytes()[:150]), "cannot be read as DICOM: "),
    ],
    ids=["missing", "another file", "cut off"],
)
def test_a_file_that_cannot_be_read_is_told_in_one_line(ask, spoil, told, tmp_path):
    path = written(tmp_path / "a.dcm")
    spoil(path)
    with pytest.raises(UserError, match=f"a.dcm.*{told}") as error:
        ask(path)
    assert "\n" not in str(error.value)


def test_pixels_that_break_off_are_told(tmp_path):
    path = written(tmp_path / "a.dcm", np.zeros((64, 64), np.uint8))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be read as DICOM: "):
        dicom.xray(path)


def test_an_empty_slope_or_intercept_counts_as_the_usual_one(tmp_path):
    path = written(tmp_path / "a.dcm", RescaleSlope="", RescaleIntercept="5")
    assert dicom.hounsfield(path).tolist() == (LEVELS + 5.0).tolist()
    path = written(tmp_path / "b.dcm", RescaleSlope="2", RescaleIntercept=None)
    assert dicom.hounsfield(path).tolist() == (LEVELS * 2.0).tolist()


def test_a_slope_that_is_no_single_number_is_told_in_one_line(tmp_path):
    path = written(tmp_path / "a.dcm", RescaleSlope=["1", "2"])
    with pytest.raises(UserError, match="a.dcm cannot be read as DICOM: ") as error:
        dicom.hounsfield(path)
    assert "\n" not in str(error.value)
    path = written(tmp_path / "b.dcm", RescaleSlope="2.25")
    path.write_bytes(path.read_bytes().replace(b"2.25", b"2,25"))
    with pytest.raises(UserError, match="b.dcm cannot be read as DICOM: .*2,25") as error:
        dicom.hounsfield(path)
    assert "\n" not in str(error.value)
