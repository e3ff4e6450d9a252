"""BraTS 2023 Glioma: volumes that are turned upright and brought to 8 bits, slice by slice."""

import numpy as np
import pytest

from stages.benchmarks import brats23_glioma as brats
from stages.common.failures import UserError
from tests.stages.benchmarks import drawn_layouts as drawn
from tests.stages.benchmarks.drawn_masked import ball, write_volume

CASE = "BraTS-GLI-00000-000"


def volume(root, modality="t2f", case=CASE):
    return root / case / f"{case}-{modality}.nii.gz"


def pixels(path):
    return np.asarray(brats.read(path))[..., 0]


@pytest.fixture(autouse=True)
def nothing_kept():
    """No volume of another test, which may have lain under the same name."""
    brats._grey.cache_clear()
    brats._tumor.cache_clear()


@pytest.mark.parametrize("form", ["bare", "challenge"])
def test_slices_with_a_tumor_are_asked_and_the_others_are_counted(form, tmp_path):
    drawn.brats23_glioma(tmp_path, 2, form=form)
    found = brats.load(tmp_path)
    assert [(path.parent.name[:19], path.name) for path in found.paths] == [
        (case, f"{number:03d}") for case in (CASE, "BraTS-GLI-00001-000") for number in (1, 2, 3, 4)
    ]
    assert (found.name, found.negatives, found.faults) == ("brats23_glioma", 4, ())
    labels = ball(0)[1]
    assert (found.mask(found.paths[2]) == (labels[:, :, 3].T > 0)).all()


def test_each_modality_can_be_asked_and_the_first_is_the_default(tmp_path):
    drawn.brats23_glioma(tmp_path, 1)
    for modality in brats.MODALITIES:
        (one, *_) = brats.load(tmp_path, modality=modality).paths
        assert one.parent == volume(tmp_path, modality)
    assert brats.load(tmp_path) == brats.load(tmp_path, modality="t2f")
    with pytest.raises(UserError, match=r"no modality 't2'\. Did you mean 't2w'\? There are: t2f, t1c, t1n, t2w\."):
        brats.listed(tmp_path, modality="t2")


def corner(sign):
    """A volume of 3 x 4 x 2 with one bright voxel: of the patient's left, at the back, in the upper slice."""
    values = np.full((3, 4, 2), 100, np.int16)
    axes = [0 if sign[i] < 0 else -1 for i in range(2)]  # the array's end that lies to the right and to the front
    left, back = (-1 - axis for axis in axes)
    values[left, back, 1] = 900
    return values


@pytest.mark.parametrize("sign", [(1, 1), (-1, -1), (1, -1), (-1, 1)])
def test_a_slice_is_upright_whichever_way_the_file_stores_it(sign, tmp_path):
    path = volume(tmp_path)
    # an axis of the file grows to the patient's right and front where its sign is 1, else to the left and back
    write_volume(path, corner(sign), np.diag([*map(float, sign), 1.0, 1.0]))
    upper, lower = pixels(path / "001"), pixels(path / "000")
    assert upper.shape == (4, 3)
    assert np.argwhere(upper == 255).tolist() == [[3, 2]], "the back is below, the patient's left is at the right"
    assert (lower == 0).all()


def test_black_and_white_are_percentiles_of_the_whole_volume_above_0(tmp_path):
    path = volume(tmp_path)
    values = np.zeros((10, 10, 11), np.int16)
    values[..., 1:] = np.arange(1, 1001).reshape(10, 10, 10)
    write_volume(path, values)
    low, high = np.percentile(np.arange(1, 1001), [0.5, 99.5])  # 5.995 and 995.005
    wanted = (np.clip((values - low) / (high - low), 0, 1) * 255 + 0.5).astype(np.uint8)
    for number in (0, 1, 10):
        assert (pixels(path / f"{number:03d}") == wanted[..., number].T).all()


def test_a_volume_of_one_level_is_white_and_an_empty_one_black(tmp_path):
    write_volume(volume(tmp_path, "t1c"), np.full((2, 2, 1), 7, np.int16))
    write_volume(volume(tmp_path, "t1n"), np.zeros((2, 2, 1), np.int16))
    assert (pixels(volume(tmp_path, "t1c") / "000") == 255).all()
    assert (pixels(volume(tmp_path, "t1n") / "000") == 0).all()


def test_a_volume_is_unpacked_once_for_all_its_slices(tmp_path, monkeypatch):
    drawn.brats23_glioma(tmp_path, 1)
    found, unpacked = brats.load(tmp_path), []
    original = brats._volume
    monkeypatch.setattr(brats, "_volume", lambda path: unpacked.append(path.name) or original(path))
    for path in found.paths:
        found.read(path), found.mask(path)
    assert unpacked == [f"{CASE}-t2f.nii.gz", f"{CASE}-seg.nii.gz"]


def test_cases_whose_volumes_lack_or_do_not_fit_are_faults(tmp_path):
    drawn.brats23_glioma(tmp_path, 5)
    cases = [f"BraTS-GLI-{number:05d}-000" for number in range(5)]
    volume(tmp_path, "seg", cases[1]).unlink()
    volume(tmp_path, "t2f", cases[2]).unlink()
    write_volume(volume(tmp_path, "seg", cases[3]), np.ones((20, 24, 5), np.uint8))
    drawn.cut(volume(tmp_path, "seg", cases[4]))
    told = {fault.file.removesuffix(".nii.gz"): fault.reason for fault in brats.load(tmp_path).faults}
    broken = told.pop(f"{cases[4]}/{cases[4]}-t2f")
    assert broken.startswith(f"{cases[4]}/{cases[4]}-seg.nii.gz cannot be read as a volume: ")
    assert told == {
        f"{cases[1]}/{cases[1]}-seg": "it is missing",
        f"{cases[2]}/{cases[2]}-t2f": "it is missing",
        f"{cases[3]}/{cases[3]}-t2f": "its mask has 24 x 20 x 5 voxels, the volume 24 x 20 x 6",
    }


def test_other_modalities_need_not_be_there(tmp_path):
    drawn.brats23_glioma(tmp_path, 1)
    for modality in ("t1c", "t1n", "t2w"):
        volume(tmp_path, modality).unlink()
    assert brats.load(tmp_path).faults == ()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_bytes(b"x" * 500), "cannot be read as a volume"),
        (lambda path: write_volume(path, np.ones((2, 2), np.int16)), "it has 2 dimensions, not 3"),
        (lambda path: path.unlink(), "there is no such volume"),
    ],
    ids=["no volume", "flat", "missing"],
)
def test_a_volume_that_cannot_be_read_is_told_in_one_line(spoil, told, tmp_path):
    drawn.brats23_glioma(tmp_path, 1)
    spoil(volume(tmp_path))
    with pytest.raises(UserError, match=f"t2f.nii.gz.*{told}") as error:
        brats.read(volume(tmp_path) / "001")
    assert "\n" not in str(error.value)
