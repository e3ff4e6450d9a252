"""Pictures in a folder for each class: what is found, what is passed over, what is at fault, and what is refused."""

import pytest
from PIL import Image

from stages.benchmarks import image_folder, rare_concepts
from stages.common.failures import UserError
from stages.common.faults import Fault


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


def test_classes_are_folders_and_what_has_its_place_beside_pictures_is_passed_over(root):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "000.json"):
        (root / "arch" / name).write_bytes(b"x")
    benchmark = image_folder.load(root, None)
    assert benchmark.class_names == ("arch", "traffic light")
    assert [path.name for path in benchmark.paths] == ["000.jpg", "001.JPEG", "000.png", "001.png"]
    assert benchmark.labels == (0, 0, 1, 1)
    assert benchmark.faults == ()


def test_a_benchmark_is_called_as_its_folder_and_rare_concepts_by_its_own_name(root):
    assert image_folder.load(root, None).name == root.name
    assert rare_concepts.load(root, None).name == "rare_concepts"


def test_a_class_name_keeps_letters_that_a_folder_cannot_have(root):
    paint(root / "jack_in_the_box/0.png")
    assert image_folder.load(root, ["jack/in/the box"]).class_names == ("jack/in/the box",)


def test_missing_class_folders_are_named_with_the_nearest(root):
    told = refused(root, ["arch", "trafic light", "moongate"])
    assert "no folder for 2 of 3 classes: trafic light, moongate" in told
    assert "Did you mean 'traffic light'" in told


def test_a_class_without_pictures_is_named_with_what_lies_there(root):
    (root / "empty").mkdir()
    assert "for 1 of 3 classes: empty. Nothing else lies there" in refused(root)
    (root / "empty" / "notes.txt").write_text("x")
    paint(root / "empty" / "000.mask.png")
    assert "empty/notes.txt (no picture, so it does not belong there)" in refused(root)


def test_a_folder_without_class_folders_is_told(tmp_path):
    paint(tmp_path / "0.png")
    assert "holds no folders" in refused(tmp_path)


def test_two_folders_that_read_as_one_class_are_told(root):
    paint(root / "traffic light/0.png")
    assert "'traffic light' and 'traffic_light' read as one class" in refused(root)


@pytest.mark.parametrize("asked", [["traffic light", "arch", "traffic_light"], ["arch", "Arch"], ["arch", "arch"]])
def test_two_asked_classes_that_read_as_one_folder_are_told(root, asked):
    assert f"the classes {asked[0]!r} and {asked[-1]!r} read as one folder" in refused(root, asked)


def test_unreadable_pictures_are_named_and_left_out(root):
    for name in ("arch/big.png", "arch/big.jpg"):
        whole = paint(root / name, (300, 300)).read_bytes()
        (root / name).write_bytes(whole[: len(whole) // 2])
    (root / "traffic_light/bad.png").write_bytes(b"no picture")
    (root / "traffic_light/empty.png").touch()
    benchmark = image_folder.load(root, None)
    assert len(benchmark.paths) == 4
    assert [fault.file for fault in benchmark.faults] == [
        *("arch/big.jpg", "arch/big.png"),
        *("traffic_light/bad.png", "traffic_light/empty.png"),
    ]
    assert all(str(root) not in fault.reason for fault in benchmark.faults)


def test_files_and_folders_that_do_not_belong_to_a_class_are_named(root):
    for name in ("arch/notes.txt", "arch/photo.heic", "arch/no_suffix"):
        (root / name).write_bytes(b"x")
    paint(root / "arch/more/0.png")
    paint(root / "loose.png")
    faults = {fault.file: fault.reason for fault in image_folder.load(root, None).faults}
    assert set(faults) == {"arch/notes.txt", "arch/photo.heic", "arch/no_suffix", "arch/more", "loose.png"}
    assert faults["arch/more"].startswith("a folder inside a class")
    assert faults["loose.png"] == "it lies in no class's folder"


def test_faults_of_classes_that_are_not_asked_for_are_not_looked_for(root):
    (root / "arch/bad.png").write_bytes(b"no picture")
    assert image_folder.load(root, ["traffic light"]).faults == ()


def test_grey_of_32_bits_is_a_fault_with_what_to_do_and_of_16_bits_is_a_picture(root):
    Image.new("I;16", (8, 8)).save(root / "arch/grey.png")
    Image.new("F", (8, 8)).save(root / "arch/depth.tif")
    benchmark = image_folder.load(root, None)
    assert len(benchmark.paths) == 5
    (fault,) = benchmark.faults
    assert fault.file == "arch/depth.tif"
    assert "Scale it to 8 or 16 bits" in fault.reason


def test_a_link_to_a_picture_is_a_picture_and_one_that_leads_nowhere_is_a_fault(root):
    (root / "arch/link.png").symlink_to(root / "traffic_light/000.png")
    (root / "arch/lost.png").symlink_to(root / "gone.png")
    benchmark = image_folder.load(root, None)
    assert len(benchmark.paths) == 5
    assert benchmark.faults == (Fault("arch/lost.png", "no picture, so it does not belong there"),)
