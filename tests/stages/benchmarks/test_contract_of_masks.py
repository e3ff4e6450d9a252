"""What every benchmark of segmentation promises besides what test_contract.py asks of all."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from stages.common import dicom, lookup, masked, picture_files
from stages.common.failures import UserError
from tests.stages.benchmarks.drawn_layouts import LAYOUTS, cut, spoil
from tests.stages.benchmarks.drawn_masked import PICTURES

CASES = {f"{name}-{i}": (name, draw) for name in PICTURES for i, draw in enumerate(LAYOUTS[name])}
each_layout_of_masks = pytest.mark.parametrize(("name", "draw"), CASES.values(), ids=list(CASES))
VOLUMES = {"brats23_glioma"}  # whose pictures lie inside of volumes


def module(name):
    return lookup.find("stages.benchmarks", name, "a test")


def load(name, root):
    return module(name).load(root, None)


def home(name, path):
    """The file that a picture lies in."""
    return path.parent if name in VOLUMES else path


def content(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


def test_every_benchmark_of_segmentation_has_its_drawn_masks():
    names = lookup.names("stages.benchmarks")
    assert {name for name in names if lookup.constant("stages.benchmarks", name, "TASK") == "segmentation"} == set(
        PICTURES
    )


@each_layout_of_masks
def test_whole_data_loads_without_faults_as_rgb_with_masks_of_its_size(name, draw, tmp_path):
    draw(tmp_path)
    before = content(tmp_path)
    found = load(name, tmp_path)
    assert found.task == "segmentation" and found.faults == ()
    assert len(set(found.paths)) == len(found.paths) == len(found.labels) >= 3
    assert set(found.labels) == set(range(max(1, len(found.classes))))
    for path in found.paths:
        picture, mask = found.read(path), found.mask(path)
        assert picture.mode == "RGB" and mask.dtype == bool
        assert mask.shape == picture.size[::-1]
        grey = np.asarray(picture.convert("L"), float)
        assert grey[mask].mean() > grey[~mask].mean() + 30, "the drawn thing is bright, so the mask must lie on it"
    assert found.negatives > 0, "a drawn picture shows nothing"
    assert content(tmp_path) == before, "a benchmark writes nothing into the folder of its data"
    assert load(name, tmp_path) == found


@each_layout_of_masks
def test_pictures_with_masks_are_listed_without_a_look_into_them(name, draw, tmp_path, monkeypatch):
    draw(tmp_path)
    whole = load(name, tmp_path)
    spoilt = spoil(tmp_path, name)
    for where, reader in ((picture_files, "_decoded"), (masked, "levels"), (dicom, "_head"), (Image, "open")):
        monkeypatch.setattr(where, reader, None)
    monkeypatch.setattr("nibabel.load", None)
    found = module(name).listed(tmp_path, None)
    listed = {path for paths in found.found.values() for path in paths}
    asked = {home(name, path) for path in whole.paths}
    assert tmp_path / spoilt.corrupt in listed
    assert asked - listed == {path for path in asked if not path.exists()} and len(asked - listed) == 1
    assert [fault.file for fault in found.faults] == [spoilt.missing]


@each_layout_of_masks
def test_a_picture_that_is_corrupt_or_missing_is_named_and_the_rest_stays(name, draw, tmp_path):
    draw(tmp_path)
    whole = load(name, tmp_path)
    spoilt = spoil(tmp_path, name)
    left = load(name, tmp_path)
    assert {fault.file for fault in left.faults} == {spoilt.corrupt, spoilt.missing}
    assert all(fault.reason and str(tmp_path) not in fault.reason for fault in left.faults)
    stays = [
        path for path in whole.paths if home(name, path).exists() and home(name, path) != tmp_path / spoilt.corrupt
    ]
    assert list(left.paths) == stays


@each_layout_of_masks
def test_masks_can_be_read_from_several_threads_and_processes(name, draw, tmp_path):
    draw(tmp_path)
    found = load(name, tmp_path)
    mask = pickle.loads(pickle.dumps(found.mask))
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda path: mask(path).tobytes(), found.paths))
    assert together == [found.mask(path).tobytes() for path in found.paths]


@pytest.mark.parametrize("name", PICTURES)
def test_where_no_picture_with_a_mask_can_be_read_that_is_refused(name, tmp_path):
    LAYOUTS[name][0](tmp_path)
    for path in {home(name, path) for path in load(name, tmp_path).paths}:
        cut(path)
    with pytest.raises(UserError, match="no picture with a mask that can be read .* What is wrong there: ") as told:
        load(name, tmp_path)
    assert str(tmp_path) in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize("name", sorted(set(PICTURES) - {"segmentation_folder"}))
def test_classes_mean_nothing_where_none_is_named(name, tmp_path):
    LAYOUTS[name][0](tmp_path)
    found = module(name).load(tmp_path, ["moongate"])
    assert found.classes == () and found == load(name, tmp_path)


@pytest.mark.parametrize("name", PICTURES)
def test_modalities_are_a_literal_that_can_be_read_without_importing(name):
    if name in VOLUMES:
        assert lookup.constant("stages.benchmarks", name, "MODALITIES") == module(name).MODALITIES
    else:
        assert not hasattr(module(name), "MODALITIES")
