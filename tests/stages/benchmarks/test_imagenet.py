"""ImageNet's validation pictures, in folders and in the archive as it is downloaded."""

import tarfile

import pytest

from stages.benchmarks import imagenet
from stages.common.failures import UserError
from stages.common.faults import Fault
from tests.stages.benchmarks import drawn_layouts as drawn

TENCH, GOLDFISH = "n01440764", "n01443537"


def file(number):
    return f"ILSVRC2012_val_{number:08d}.JPEG"


def faults(root, classes=None):
    return {fault.file: fault.reason for fault in imagenet.load(root, classes).faults}


def test_a_thousand_classes_have_as_many_names():
    names = imagenet.class_names()
    assert len(names) == len({name.casefold() for name in names.values()}) == 1000
    assert list(names) == sorted(names)
    assert names[TENCH] == "tench"
    assert (names["n03773504"], names["n04008634"]) == ("missile", "projectile")
    assert (names["n04355933"], names["n04356056"]) == ("sunglasses", "dark glasses")


def test_names_and_ids_belong_together_as_open_clip_and_timm_have_them():
    timm = pytest.importorskip("timm.data")
    from open_clip import IMAGENET_CLASSNAMES

    named = dict(zip(timm.ImageNetInfo("imagenet-1k").label_names(), IMAGENET_CLASSNAMES, strict=True))
    differing = {wnid for wnid, name in imagenet.class_names().items() if named[wnid] != name}
    assert differing == set(imagenet.SECOND_NAMES)


def test_changing_the_names_that_one_got_changes_them_for_nobody_else():
    imagenet.class_names().clear()
    assert len(imagenet.class_names()) == 1000


@pytest.mark.parametrize("form", ["val", "folders", "tar"])
def test_all_thousand_classes_load_with_the_labels_of_their_ids(form, tmp_path):
    drawn.imagenet(tmp_path, form=form)
    benchmark = imagenet.load(tmp_path, list(imagenet.class_names().values()))
    assert benchmark.labels == tuple(range(1000))
    assert [path.name for path in benchmark.paths] == [file(number) for number in range(1, 1001)]
    assert benchmark.name == "imagenet"


def test_folders_and_archive_give_the_same_pictures(tmp_path):
    drawn.imagenet(tmp_path / "folders", 3, 4)
    drawn.imagenet(tmp_path / "tar", 3, 4, form="tar")
    one, other = imagenet.load(tmp_path / "folders", None), imagenet.load(tmp_path / "tar", None)
    assert (one.class_names, one.labels) == (other.class_names, other.labels)
    pairs = list(zip(one.paths, other.paths, strict=True))
    assert all(left.name == right.name for left, right in pairs)
    assert all(one.read(left).tobytes() == other.read(right).tobytes() for left, right in pairs)
    assert other.paths[0] == tmp_path / "tar" / imagenet.ARCHIVE / file(1)


def test_with_one_picture_a_class_the_missing_ones_are_one_fault(tmp_path):
    drawn.imagenet(tmp_path)
    assert faults(tmp_path) == {
        "val": "49000 pictures are missing: 1000 of 1000 classes do not hold 50 each",
    }


def test_a_missing_picture_is_named_where_all_classes_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(imagenet, "N", 2000)
    monkeypatch.setattr(imagenet, "PER_CLASS", 2)
    drawn.imagenet(tmp_path, 1000, 2)
    assert faults(tmp_path) == {}
    (tmp_path / "val" / TENCH / file(1001)).unlink()
    ((name, reason),) = faults(tmp_path).items()
    assert name == f"val/{file(1001)}"
    assert reason == "it is missing; its class cannot be known, but these hold fewer than 2: tench"
    assert list(faults(tmp_path, ["tench", "goldfish"])) == [f"val/{TENCH}"]


def test_a_picture_in_the_wrong_folder_is_counted_without_the_devkit_and_named_with_it(tmp_path):
    drawn.imagenet(tmp_path, 2, 50)
    here = tmp_path / "val" / TENCH / file(1)
    here.rename(tmp_path / "val" / GOLDFISH / file(1))
    assert faults(tmp_path) == {
        f"val/{TENCH}": "it holds 49 pictures, but 50 belong there",
        f"val/{GOLDFISH}": "it holds 51 pictures, but 50 belong there",
    }
    drawn.devkit(tmp_path, [TENCH, GOLDFISH] * 50)
    found = faults(tmp_path)
    assert found == {
        f"val/{GOLDFISH}/{file(1)}": f"it is no picture of 'goldfish' by {imagenet.DEVKIT}",
        f"val/{TENCH}/{file(1)}": "it is missing",
    }
    assert len(imagenet.load(tmp_path, None).paths) == 99


def test_files_and_folders_with_strange_names_are_named(tmp_path):
    drawn.imagenet(tmp_path, 2, 50)
    drawn.write(tmp_path / "val" / TENCH / "ILSVRC2012_val_00000001 (1).JPEG", drawn.picture(0))
    drawn.write(tmp_path / "val" / TENCH / "list.txt", b"x")
    drawn.write(tmp_path / "val" / "n99999999" / file(7), drawn.picture(0))
    assert set(faults(tmp_path)) == {
        *(f"val/{TENCH}/ILSVRC2012_val_00000001 (1).JPEG", f"val/{TENCH}/list.txt"),
        "val/n99999999",
    }


def test_names_that_end_in_the_class_are_pictures_too(tmp_path):
    drawn.imagenet(tmp_path, 2, 50)
    for path in list((tmp_path / "val" / TENCH).iterdir()):
        path.rename(path.with_name(f"{path.stem}_{TENCH}.JPEG"))
    assert faults(tmp_path) == {}
    drawn.devkit(tmp_path, [TENCH, GOLDFISH] * 50)
    assert faults(tmp_path) == {}


def test_an_archive_without_its_devkit_or_with_a_broken_one_is_told(tmp_path):
    drawn.imagenet(tmp_path, 2, form="tar")
    (tmp_path / imagenet.DEVKIT).write_bytes((tmp_path / imagenet.DEVKIT).read_bytes()[:200])
    with pytest.raises(UserError, match=f"{imagenet.DEVKIT} cannot be read as a development kit"):
        imagenet.load(tmp_path, None)
    (tmp_path / imagenet.DEVKIT).unlink()
    with pytest.raises(UserError, match=f"{imagenet.DEVKIT}: there is no such file"):
        imagenet.load(tmp_path, None)


def test_an_archive_that_breaks_off_gives_what_it_has(tmp_path):
    drawn.imagenet(tmp_path, 2, 3, form="tar")
    whole = (tmp_path / imagenet.ARCHIVE).read_bytes()
    with tarfile.open(tmp_path / imagenet.ARCHIVE) as tar:
        cut = tar.getmember(file(2)).offset_data + 700  # in the middle of the second to last, as they lie backwards
    (tmp_path / imagenet.ARCHIVE).write_bytes(whole[:cut])
    benchmark = imagenet.load(tmp_path, None)
    assert sorted(path.name for path in benchmark.paths) == [file(number) for number in (3, 4, 5, 6)]
    reasons = {fault.file: fault.reason for fault in benchmark.faults}
    assert "ends too early" in reasons.pop(imagenet.ARCHIVE)
    assert set(reasons) == {f"{imagenet.ARCHIVE}/{file(1)}", f"{imagenet.ARCHIVE}/{file(2)}"}


def test_an_archive_that_is_none_is_told(tmp_path):
    drawn.imagenet(tmp_path, 2, form="tar")
    (tmp_path / imagenet.ARCHIVE).write_text("<html>Please log in</html>" * 100)
    with pytest.raises(UserError, match=f"{imagenet.ARCHIVE} cannot be read as an archive"):
        imagenet.load(tmp_path, None)


def test_members_in_a_folder_of_the_archive_are_found_and_strangers_named(tmp_path):
    drawn.devkit(tmp_path, [TENCH, GOLDFISH])
    drawn.archive(tmp_path, {f"./val/{file(number)}": drawn.picture(number) for number in (1, 2)} | {"a.txt": b"x"})
    benchmark = imagenet.load(tmp_path, None)
    assert benchmark.paths[1] == tmp_path / imagenet.ARCHIVE / "val" / file(2)
    assert benchmark.read(benchmark.paths[1]).size == (48, 48)
    assert benchmark.faults == (Fault(f"{imagenet.ARCHIVE}/a.txt", f"{imagenet.DEVKIT} does not know it"),)


def test_a_class_all_of_whose_pictures_are_missing_is_refused(tmp_path):
    drawn.devkit(tmp_path, [TENCH, GOLDFISH])
    drawn.archive(tmp_path, {file(1): drawn.picture(1)})
    with pytest.raises(UserError, match="for 1 of 2 classes: goldfish. What is wrong there: .*it is missing"):
        imagenet.load(tmp_path, None)
    assert imagenet.load(tmp_path, ["tench"]).faults == ()
