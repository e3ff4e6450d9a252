"""SIIM-ACR: runs of pixels down columns, rows that belong together, and columns that begin with a blank."""

import numpy as np
import pytest

from stages.benchmarks import siim_acr
from stages.common.failures import UserError
from tests.stages.benchmarks import drawn_layouts as drawn
from tests.stages.benchmarks.drawn_masked import disc, encoded, write_table

LIST = "train-rle.csv"
COLUMNS = ("ImageId", " EncodedPixels")


def test_runs_go_down_columns_each_from_the_end_of_the_last():
    # pixels 2, 3, 4 and 6 of columns of four: the lower two of the first, the first and the third of the second
    found = siim_acr.decoded("2 3 1 1", 4, 3)
    assert found.astype(int).tolist() == [[0, 1, 0], [0, 0, 0], [1, 1, 0], [1, 0, 0]]


def by_pixels(text, rows, columns):
    """The slow, obvious way: a cursor that writes pixel by pixel."""
    mask, cursor, numbers = np.zeros((rows, columns), bool), 0, iter(map(int, text.split()))
    for gap, run in zip(numbers, numbers, strict=True):
        for pixel in range(cursor + gap, cursor + gap + run):
            mask[pixel % rows, pixel // rows] = True
        cursor += gap + run
    return mask


@pytest.mark.parametrize("seed", range(6))
def test_a_mask_comes_back_exactly(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 40, 2)) < (0.1, 0.5, 0.9)[seed % 3]
    mask[0, 0], mask[-1, -1] = seed % 2, 1
    found = siim_acr.decoded(encoded(mask), *mask.shape)
    assert (found == mask).all() and (by_pixels(encoded(mask), *mask.shape) == mask).all()


@pytest.mark.parametrize(
    ("text", "told"),
    [("1 2 3", "no pairs"), ("-2 3", "no pairs"), ("1 x", "invalid literal"), ("10 3", "ends at pixel 13 of 12")],
)
def test_runs_that_are_none_are_refused(text, told):
    with pytest.raises(ValueError, match=told):
        siim_acr.decoded(text, 4, 3)


@pytest.mark.parametrize("form", ["original", "stage 2"])
def test_rows_of_one_x_ray_are_one_mask(form, tmp_path):
    drawn.siim_acr(tmp_path, 3, form=form)
    found = siim_acr.load(tmp_path)
    assert [path.stem[-1] for path in found.paths] == ["0", "2", "3"]
    assert [(found.mask(path) == disc(int(path.stem[-1]))[1]).all() for path in found.paths] == [True] * 3
    assert np.array_equal(np.asarray(found.read(found.paths[0]))[..., 0], disc(0)[0])
    assert (found.name, found.negatives, found.faults) == ("siim_acr", 1, ())


def test_an_outline_that_does_not_fit_its_x_ray_is_a_fault(tmp_path):
    drawn.siim_acr(tmp_path, 2)
    with (tmp_path / LIST).open("a") as file:
        file.write("1.2.276.0.2, 1900 100\n")
    (fault,) = siim_acr.load(tmp_path).faults
    assert fault.file == "dicom-images-train/study2/series2/1.2.276.0.2.dcm"
    assert fault.reason == "its outline in the list cannot be read: it ends at pixel 2000 of 1920"


def test_x_rays_that_are_not_listed_are_not_asked_and_listed_ones_that_lack_are_faults(tmp_path):
    drawn.siim_acr(tmp_path, 3)
    drawn.write(tmp_path / "dicom-images-test/a/b/1.2.3.dcm", b"not read")
    (tmp_path / "dicom-images-train/study1/series1/1.2.276.0.1.dcm").unlink()  # shows nothing: not missed
    (tmp_path / "dicom-images-train/study2/series2/1.2.276.0.2.dcm").unlink()
    found = siim_acr.load(tmp_path)
    assert [(fault.file, fault.reason) for fault in found.faults] == [("1.2.276.0.2.dcm", "it is missing")]
    assert (len(found.paths), found.negatives) == (2, 1)


def test_a_list_that_has_other_columns_or_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match="holds no train-rle.csv. Put the list and the X-rays"):
        siim_acr.listed(tmp_path)
    write_table(tmp_path / LIST, ("ImageId", "Pixels"), [("a", "-1")])
    with pytest.raises(UserError, match="train-rle.csv has no column EncodedPixels. Download it again."):
        siim_acr.listed(tmp_path)
    write_table(tmp_path / LIST, COLUMNS, [("a", " -1"), ("b", "-1")])
    with pytest.raises(UserError, match="2 pictures have an empty mask"):
        siim_acr.listed(tmp_path)
