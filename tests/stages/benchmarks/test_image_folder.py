"""Pictures in a folder for each class: what is found, what is passed over, and what is refused by name."""

import pytest
from PIL import Image

from stages.benchmarks import image_folder
from stages.common.failures import UserError


def paint(path, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 10, 10)).save(path)
    return path


@pytest.fixture
def root(tmp_path):
    for name in ("traffic_light/001.png", "traffic_light/000.png", "arch/000.jpg", "arch/001.JPEG"):
        paint(tmp_path / name)
    paint(tmp_path / "arch/000.mask.png")
    (tmp_path / "arch/scenes.jsonl").write_text("{}")
    (tmp_path / "scenes.jsonl").write_text("{}")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def refused(root, classes=None):
    with pytest.raises(UserError) as told:
        image_folder.load(root, classes)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_classes_are_folders_and_masks_and_other_files_are_passed_over(root):
    benchmark = image_folder.load(root, None)
    assert benchmark.class_names == ("arch", "traffic light")
    assert [path.name for path in benchmark.paths] == ["000.jpg", "001.JPEG", "000.png", "001.png"]
    assert benchmark.labels == (0, 0, 1, 1)
    assert benchmark.task == "classification"


def test_classes_restrict_and_order(root):
    benchmark = image_folder.load(root, ["traffic light"])
    assert benchmark.class_names == ("traffic light",)
    assert len(benchmark.paths) == 2
    assert image_folder.load(root, ["traffic light", "arch"]).labels == (0, 0, 1, 1)


def test_a_class_name_keeps_letters_that_a_folder_cannot_have(root):
    paint(root / "jack_in_the_box/0.png")
    assert image_folder.load(root, ["jack/in/the box"]).class_names == ("jack/in/the box",)


def test_missing_class_folders_are_named_with_the_nearest(root):
    told = refused(root, ["arch", "trafic light", "moongate"])
    assert "no folder for 2 of 3 classes: trafic light, moongate" in told
    assert "Did you mean 'traffic_light'" in told


def test_a_class_without_pictures_is_named_with_what_lies_there(root):
    (root / "empty").mkdir()
    assert "empty holds no pictures, but nothing else" in refused(root)
    (root / "empty" / "notes.txt").write_text("x")
    paint(root / "empty" / "000.mask.png")
    assert "2 other files (000.mask.png, notes.txt)" in refused(root)


def test_a_folder_without_class_folders_is_told(tmp_path):
    paint(tmp_path / "0.png")
    assert "holds no folders" in refused(tmp_path)


def test_two_folders_that_read_as_one_class_are_told(root):
    paint(root / "traffic light/0.png")
    assert "'traffic light' and 'traffic_light' read as one class" in refused(root)


@pytest.mark.parametrize("asked", [["traffic light", "arch", "traffic_light"], ["arch", "Arch"], ["arch", "arch"]])
def test_two_asked_classes_that_read_as_one_folder_are_told(root, asked):
    assert f"the classes {asked[0]!r} and {asked[-1]!r} read as one folder" in refused(root, asked)


def test_unreadable_pictures_are_counted_and_the_first_named(root):
    whole = paint(root / "arch/big.png", (300, 300)).read_bytes()
    (root / "arch/big.png").write_bytes(whole[: len(whole) // 2])
    whole = paint(root / "arch/big.jpg", (300, 300)).read_bytes()
    (root / "arch/big.jpg").write_bytes(whole[: len(whole) // 2])
    for number in range(5):
        (root / f"traffic_light/bad{number}.png").write_bytes(b"no picture")
    told = refused(root)
    assert "7 of 11 pictures cannot be read" in told
    assert "arch/big.jpg" in told
    assert "arch/big.png" in told
    assert told.count(".png (") == 4
    assert ", ..." in told


def test_grey_of_32_bits_is_refused_with_what_to_do_and_of_16_bits_is_a_picture(root):
    Image.new("I;16", (8, 8)).save(root / "arch/grey.png")
    assert len(image_folder.load(root, None).paths) == 5
    Image.new("F", (8, 8)).save(root / "arch/depth.tif")
    told = refused(root)
    assert "1 of 6 pictures cannot be read: arch/depth.tif" in told
    assert "Scale it to 8 or 16 bits" in told


def test_an_empty_file_is_no_picture(root):
    (root / "arch/000.jpg").write_bytes(b"")
    assert "arch/000.jpg" in refused(root)
