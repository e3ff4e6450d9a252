"""UnitoChest: a list of slices, windows of Hounsfield units, and splits."""

import numpy as np
import pytest

from stages.benchmarks import unitochest
from stages.common.failures import UserError
from stages.common.faults import Fault
from tests.stages.benchmarks import drawn_layouts as drawn
from tests.stages.benchmarks.drawn_masked import disc, save, write_dicom, write_table

COLUMNS = ("image", "mask")


def faults(root):
    return {fault.file: fault.reason for fault in unitochest.load(root).faults}


def test_slices_with_a_mask_are_asked_and_those_without_are_counted(tmp_path):
    drawn.unitochest(tmp_path, 3)
    found = unitochest.load(tmp_path)
    home = tmp_path / "test/images"
    assert [path.relative_to(home).as_posix() for path in found.paths] == [
        *("patient_1/exam_1/0000.dcm", "patient_2/exam_1/0002.dcm", "patient_2/exam_1/0003.dcm"),
    ]
    assert (found.name, found.negatives) == ("unitochest", 1)
    assert (found.mask(found.paths[1]) == disc(2)[1]).all()


def test_a_slice_is_seen_through_the_window_of_the_lung(tmp_path):
    units = np.array([[-1350, -600, 150, 3000, -1024]], np.int16)
    write_dicom(tmp_path / "a.dcm", units + np.int16(1024), RescaleSlope="1", RescaleIntercept="-1024")
    # -1024 is 326 units above black, of 1500: 55.4
    assert np.asarray(unitochest.read(tmp_path / "a.dcm"))[0].tolist() == [
        [grey] * 3 for grey in (0, 128, 255, 255, 55)
    ]


def test_masks_that_number_their_nodules_are_whole(tmp_path):
    drawn.unitochest(tmp_path, 3)
    path = tmp_path / "test/masks/patient_1/exam_1/0000.png"
    numbered = disc(0)[1].astype(np.uint8)
    numbered[numbered.cumsum(0) > 3] = 2
    save(path, numbered)
    found = unitochest.load(tmp_path)
    assert set(np.unique(numbered)) == {0, 1, 2}
    assert (found.mask(found.paths[0]) == (numbered > 0)).all()


def test_a_slice_or_mask_that_is_not_there_or_broken_is_a_fault(tmp_path):
    drawn.unitochest(tmp_path, 5)
    home = tmp_path / "test"
    (home / "masks/patient_2/exam_1/0002.png").unlink()
    (home / "images/patient_2/exam_1/0003.dcm").unlink()
    drawn.cut(home / "masks/patient_3/exam_1/0004.png")
    told = faults(tmp_path)
    assert told.pop("test/images/patient_3/exam_1/0004.dcm").startswith(
        "test/masks/patient_3/exam_1/0004.png cannot be"
    )
    assert told == dict.fromkeys(
        ("test/masks/patient_2/exam_1/0002.png", "test/images/patient_2/exam_1/0003.dcm"), "it is missing"
    )


def test_a_mask_that_is_black_is_counted_and_not_asked(tmp_path):
    drawn.unitochest(tmp_path, 3)
    path = tmp_path / "test/masks/patient_1/exam_1/0000.png"
    save(path, np.zeros((48, 40), np.uint8))
    found = unitochest.load(tmp_path)
    assert (len(found.paths), found.negatives) == (2, 2)


def test_another_split_is_taken_only_where_there_is_no_test_split_and_says_so(tmp_path):
    drawn.unitochest(tmp_path, 2, split="train")
    drawn.unitochest(tmp_path, 3, split="val")
    assert unitochest.listed(tmp_path).name == "unitochest val"
    drawn.unitochest(tmp_path, 4, split="test")
    found = unitochest.listed(tmp_path)
    assert (found.name, len(found.found[""])) == ("unitochest", 4)


def test_a_list_without_its_columns_or_with_paths_that_lead_out_is_told(tmp_path):
    path = tmp_path / "test/test_dataset.csv"
    write_table(path, ("picture", "mask"), [("a.dcm", "a.png")])
    with pytest.raises(UserError, match="test_dataset.csv has no column image. Download it again."):
        unitochest.listed(tmp_path)
    write_table(path, COLUMNS, [("../a.dcm", "a.png")])
    with pytest.raises(UserError, match=r"'../a.dcm' lies outside of"):
        unitochest.listed(tmp_path)


def test_rows_say_that_there_is_no_mask_with_a_blank_or_nan(tmp_path):
    write_table(tmp_path / "test/test_dataset.csv", COLUMNS, [("a.dcm", ""), ("b.dcm", "nan"), ("c.dcm", "c.png")])
    with pytest.raises(UserError, match="2 pictures have an empty mask"):
        unitochest.listed(tmp_path)
    write_dicom(tmp_path / "test/images/c.dcm", disc(0)[0].astype(np.int16))
    save(tmp_path / "test/masks/c.png", disc(0)[1])
    assert unitochest.load(tmp_path).faults == ()
    assert Fault("test/images/c.dcm", "it is missing") not in unitochest.listed(tmp_path).faults


def test_masks_of_several_rows_of_a_slice_are_its_mask_together(tmp_path):
    home, grey = tmp_path / "test", disc(0)[0].astype(np.int16)
    rows = [("a.dcm", "a1.png"), ("a.dcm", ""), ("./a.dcm", "a2.png"), ("a.dcm", "a1.png")]
    rows += [("b.dcm", ""), ("b.dcm", "nan"), ("c.dcm", "")]
    write_table(home / "test_dataset.csv", COLUMNS, rows)
    write_dicom(home / "images/a.dcm", grey)
    upper, lower = np.zeros((2, *grey.shape), bool)
    upper[3:6, 4:9] = lower[30:33, 20:22] = True
    save(home / "masks/a1.png", upper)
    save(home / "masks/a2.png", lower)
    found = unitochest.load(tmp_path)
    assert ([path.name for path in found.paths], found.negatives, found.faults) == (["a.dcm"], 2, ())
    assert (found.mask(found.paths[0]) == (upper | lower)).all()


def test_a_slice_one_of_whose_masks_is_missing_is_not_asked(tmp_path):
    drawn.unitochest(tmp_path, 3)
    home = tmp_path / "test"
    with (home / "test_dataset.csv").open("a") as file:
        file.write("9,patient_1/exam_1/0000.dcm,other.png,1,1,0\n")
    found = unitochest.load(tmp_path)
    assert (len(found.paths), found.negatives) == (2, 1)
    assert found.faults == (Fault("test/masks/other.png", "it is missing"),)
