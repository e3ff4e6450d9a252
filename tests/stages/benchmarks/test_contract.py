"""What every benchmark of the folder promises, and what its record refuses."""

from pathlib import Path

import pytest

from stages.benchmarks.contract import Benchmark
from stages.common import lookup
from stages.common.failures import UserError

NAMES = lookup.names("stages.benchmarks")


def test_the_folder_holds_the_known_benchmark():
    assert "image_folder" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_missing_data_is_one_clear_line(name, tmp_path):
    with pytest.raises(UserError) as told:
        lookup.find("stages.benchmarks", name, "a test").load(tmp_path / "nothing", None)
    assert str(tmp_path / "nothing") in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("labels", [(0,), (0, 2), (0, -1)])
def test_a_record_whose_labels_do_not_fit_cannot_be_made(labels):
    with pytest.raises(AssertionError):
        Benchmark("x", "classification", ("a", "b"), (Path("0.png"), Path("1.png")), labels)
