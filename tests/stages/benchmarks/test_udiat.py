"""UDIAT: two folders with files of the same name."""

import shutil

import pytest

from stages.benchmarks.udiat import load
from stages.common.failures import UserError
from stages.common.faults import Fault
from stages.common.masked import NO_MASK, NO_PICTURE
from tests.stages.benchmarks import drawn_layouts as drawn
from tests.stages.benchmarks.drawn_masked import disc


def test_every_picture_has_the_mask_of_its_own_name(tmp_path):
    drawn.udiat(tmp_path, 3)
    drawn.write(tmp_path / "DatasetB.xlsx", b"not read")
    found = load(tmp_path)
    assert [path.name for path in found.paths] == ["000001.png", "000003.png", "000004.png"]
    assert [(found.mask(path) == disc(int(path.stem) - 1)[1]).all() for path in found.paths] == [True] * 3
    assert (found.name, found.classes, found.negatives, found.faults) == ("udiat", (), 1, ())


def test_what_has_no_counterpart_is_a_fault(tmp_path):
    drawn.udiat(tmp_path, 4)
    (tmp_path / "GT/000001.png").unlink()
    (tmp_path / "original/000005.png").unlink()
    found = load(tmp_path)
    assert found.faults == (Fault("original/000001.png", NO_MASK), Fault("GT/000005.png", NO_PICTURE))
    assert len(found.paths) == 2


def test_a_folder_that_is_not_there_is_told(tmp_path):
    drawn.udiat(tmp_path, 2)
    shutil.rmtree(tmp_path / "GT")
    with pytest.raises(UserError, match="GT: there is no such folder. Put original/ and GT/ of Dataset B into"):
        load(tmp_path)
