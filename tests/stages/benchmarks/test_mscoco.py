"""MSCOCO by Karpathy's list."""

import pytest

from stages.benchmarks import mscoco
from stages.common.failures import UserError
from tests.stages.benchmarks import drawn_layouts as drawn


def test_all_sentences_of_a_picture_are_kept_also_a_sixth(tmp_path):
    drawn.mscoco(tmp_path, 3)
    benchmark = mscoco.load(tmp_path)
    assert benchmark.name == "mscoco"
    assert [path.relative_to(tmp_path).as_posix() for path in benchmark.paths] == [
        "val2014/COCO_val2014_000000391895.jpg",
        "val2014/COCO_val2014_000000391902.jpg",
        "val2014/COCO_val2014_000000391909.jpg",
    ]
    assert benchmark.owners == (0,) * 5 + (1,) * 6 + (2,) * 5


@pytest.mark.parametrize("gone", ["dataset_coco.json", "val2014"])
def test_a_missing_part_is_named(gone, tmp_path):
    drawn.mscoco(tmp_path, 2)
    (tmp_path / gone).rename(tmp_path / "other")
    with pytest.raises(UserError, match=f"{gone}: it is not there. Put dataset_coco.json and the folder val2014"):
        mscoco.listed(tmp_path)
