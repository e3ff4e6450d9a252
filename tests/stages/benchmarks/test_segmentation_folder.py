"""Pictures and masks in folders: three layouts, and classes where folders name them."""

import shutil

import pytest
from PIL import Image

from stages.benchmarks.segmentation_folder import listed, load
from stages.common.failures import UserError
from stages.common.faults import Fault
from tests.stages.benchmarks import drawn_layouts as drawn
from tests.stages.benchmarks.drawn_masked import disc, save


def test_folders_of_classes_name_what_their_masks_show(tmp_path):
    drawn.segmentation_folder(tmp_path, n=2, form="classes")
    found = load(tmp_path)
    assert found.classes == ("arch", "traffic light")
    assert [path.relative_to(tmp_path).as_posix() for path in found.paths] == [
        *("arch/images/000.jpg", "arch/images/002.jpg"),  # 001 shows nothing
        *("traffic_light/images/003.jpg", "traffic_light/images/004.jpg", "traffic_light/images/005.jpg"),
    ]
    assert found.labels == (0, 0, 1, 1, 1)
    assert (found.mask(found.paths[2]) == disc(3)[1]).all()


def test_classes_restrict_and_order_and_an_unknown_one_is_told_with_the_nearest(tmp_path):
    drawn.segmentation_folder(tmp_path, form="classes")
    assert load(tmp_path, ["traffic light", "arch"]).classes == ("traffic light", "arch")
    assert set(load(tmp_path, ["traffic light"]).labels) == {0}
    with pytest.raises(UserError, match="no folders for 1 of 1 classes: arc. Did you mean 'arch'"):
        listed(tmp_path, ["arc"])


@pytest.mark.parametrize("form", ["plain", "medclip_sam"])
def test_where_no_class_is_named_all_masks_show_one_thing(form, tmp_path):
    drawn.segmentation_folder(tmp_path, n=3, form=form)
    found = load(tmp_path, ["anything"])
    assert (found.name, found.classes, found.labels, found.negatives) == (tmp_path.name, (), (0, 0, 0), 1)


def test_splits_of_training_and_validation_are_not_looked_at(tmp_path):
    drawn.segmentation_folder(tmp_path, n=3, form="medclip_sam")
    for name in ("train_images", "val_masks"):
        drawn.write(tmp_path / name / "000.png", b"x")
    assert load(tmp_path).faults == ()


def test_a_folder_that_is_no_class_is_a_fault(tmp_path):
    drawn.segmentation_folder(tmp_path, form="classes")
    shutil.rmtree(tmp_path / "arch/masks")
    (tmp_path / "notes").mkdir()
    assert load(tmp_path).faults == (
        Fault("arch", "it holds no folder masks"),
        Fault("notes", "it holds no folder images and no masks"),
    )
    assert load(tmp_path).classes == ("traffic light",)


def test_a_class_without_a_picture_that_can_be_used_is_refused(tmp_path):
    drawn.segmentation_folder(tmp_path, form="classes")
    for path in (tmp_path / "arch/masks").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"for 1 of 2 classes: arch\. What is wrong there: arch/images/000.jpg"):
        load(tmp_path)


def test_the_size_of_a_picture_that_its_exif_turns_is_that_of_its_mask(tmp_path):
    grey, inside = disc(0)
    save(tmp_path / "images/0.png", grey.T)
    save(tmp_path / "masks/0.png", inside)
    with pytest.raises(UserError, match="its mask has 40 x 48 pixels, the picture 48 x 40"):
        load(tmp_path)
    with Image.open(tmp_path / "images/0.png") as opened:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by a quarter
        opened.save(tmp_path / "images/0.png", exif=exif)
    assert len(load(tmp_path).paths) == 1
