"""What every benchmark of the folder promises, over small drawn data in its real layout."""

import ast
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stages.benchmarks.contract import Benchmark, asked, miscounted
from stages.common import lookup, picture_files
from stages.common.failures import UserError
from stages.common.faults import NAMED, Fault, absent
from tests.stages.benchmarks.drawn_layouts import LAYOUTS, cut, picture, spoil, write

NAMES = lookup.names("stages.benchmarks")
TASKS = {name: lookup.find("stages.benchmarks", name, "a test").TASK for name in NAMES}
each_benchmark = pytest.mark.parametrize("name", NAMES)


def layouts(*tasks):
    """Every way in which the data of benchmarks of these tasks may lie."""
    cases = [(name, draw) for name, forms in LAYOUTS.items() if TASKS[name] in tasks for draw in forms]
    names = [f"{name}-{LAYOUTS[name].index(draw)}" for name, draw in cases]
    return pytest.mark.parametrize(("name", "draw"), cases, ids=names)


each_layout = layouts("classification", "retrieval", "captioning", "segmentation")
each_layout_of_classes = layouts("classification")
each_layout_of_captions = layouts("retrieval", "captioning")


def load(name, root, classes=None):
    return lookup.find("stages.benchmarks", name, "a test").load(root, classes)


def listed(name, root, classes=None):
    return lookup.find("stages.benchmarks", name, "a test").listed(root, classes)


def content(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


def test_every_benchmark_has_a_drawn_layout():
    assert sorted(LAYOUTS) == NAMES


def test_every_benchmark_says_its_task_so_that_it_can_be_read_without_importing_it():
    assert set(TASKS.values()) == {"classification", "retrieval", "captioning", "segmentation"}
    assert {name: lookup.constant("stages.benchmarks", name, "TASK") for name in NAMES} == TASKS


@each_benchmark
def test_the_docstring_is_a_page(name):
    page = ast.get_docstring(ast.parse(Path(f"stages/benchmarks/{name}.py").read_text()))
    starts = {line.partition(":")[0] for line in page.splitlines()}
    assert {"What it shows", "Source", "Licence", "Layout", "Chance", "Differs"} <= starts
    assert "    ROOT/" in page
    assert page.splitlines()[0].endswith(".")


@pytest.mark.parametrize("ask", [load, listed])
@each_benchmark
def test_missing_data_is_one_clear_line(name, ask, tmp_path):
    with pytest.raises(UserError) as told:
        ask(name, tmp_path / "nothing")
    assert str(tmp_path / "nothing") in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("ask", [load, listed])
@each_benchmark
def test_a_folder_with_something_else_is_one_clear_line(name, ask, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "junk").mkdir()
    with pytest.raises(UserError) as told:
        ask(name, tmp_path)
    assert str(tmp_path) in str(told.value)
    assert "\n" not in str(told.value)


@each_layout_of_classes
def test_whole_data_loads_without_faults_and_reads_as_rgb(name, draw, tmp_path):
    draw(tmp_path)
    before = content(tmp_path)
    benchmark = load(name, tmp_path)
    assert benchmark.faults == ()
    assert benchmark.task == "classification"
    assert len(set(benchmark.class_names)) == len(benchmark.class_names) >= 2
    assert set(benchmark.labels) == set(range(len(benchmark.class_names)))
    assert len(set(benchmark.paths)) == len(benchmark.paths) == len(benchmark.labels)
    assert {benchmark.read(path).mode for path in benchmark.paths} == {"RGB"}
    assert content(tmp_path) == before, "a benchmark writes nothing into the folder of its data"
    assert load(name, tmp_path) == benchmark


@each_layout_of_classes
def test_pictures_are_listed_without_a_look_into_them(name, draw, tmp_path, monkeypatch):
    draw(tmp_path)
    whole = load(name, tmp_path)
    spoil(tmp_path, name)
    for reader in ("fault", "read_picture", "_decoded"):
        monkeypatch.setattr(picture_files, reader, None)
    found = listed(name, tmp_path).found
    paths = [path for pictures in found.values() for path in pictures]
    assert tuple(found) == whole.class_names
    assert len(paths) == len(whole.paths) - 1 and set(paths) < set(whole.paths)  # the missing one, not the corrupt one


@each_layout_of_classes
def test_a_class_that_does_not_lie_there_is_missed_as_soon_as_pictures_are_listed(name, draw, tmp_path):
    draw(tmp_path)
    known = load(name, tmp_path).class_names[1]
    with pytest.raises(UserError, match=f"for 1 of 2 classes: {known}e\\. Did you mean '{known}'"):
        listed(name, tmp_path, [known, f"{known}e"])


@each_layout_of_classes
def test_classes_restrict_and_order(name, draw, tmp_path):
    draw(tmp_path)
    whole = load(name, tmp_path)
    first, second = whole.class_names[:2]
    part = load(name, tmp_path, [second])
    assert part.class_names == (second,)
    assert part.paths == tuple(path for path, label in zip(whole.paths, whole.labels, strict=True) if label == 1)
    turned = load(name, tmp_path, [second, first])
    assert turned.class_names == (second, first)
    assert set(zip(turned.paths, turned.labels, strict=True)) >= {(path, 0) for path in part.paths}


@each_layout_of_classes
def test_an_unknown_class_is_told_with_the_nearest(name, draw, tmp_path):
    draw(tmp_path)
    known = load(name, tmp_path).class_names[1]
    with pytest.raises(UserError, match=f"for 1 of 2 classes: {known}e\\. Did you mean '{known}'") as told:
        load(name, tmp_path, [known, f"{known}e"])
    assert "\n" not in str(told.value)


@each_layout_of_classes
def test_corrupt_and_missing_files_are_named_counted_and_left_out(name, draw, tmp_path):
    draw(tmp_path)
    whole = load(name, tmp_path)
    spoilt = spoil(tmp_path, name)
    left = load(name, tmp_path)
    wanted = {spoilt.corrupt, spoilt.missing} - {None}
    assert {fault.file for fault in left.faults} == wanted
    assert len(left.faults) == len(wanted)
    assert all(fault.reason and str(tmp_path) not in fault.reason for fault in left.faults)
    assert len(left.paths) == len(whole.paths) - 2
    assert set(left.paths) < set(whole.paths)
    assert left.class_names == whole.class_names
    assert {left.read(path).mode for path in left.paths} == {"RGB"}


@each_layout_of_captions
def test_pictures_and_their_captions_load_without_faults_and_read_as_rgb(name, draw, tmp_path):
    draw(tmp_path)
    before = content(tmp_path)
    benchmark = load(name, tmp_path)
    assert (benchmark.faults, benchmark.task) == ((), TASKS[name])
    assert len(set(benchmark.paths)) == len(benchmark.paths) >= 3
    assert len(set(benchmark.captions)) == len(benchmark.captions) >= 2 * len(benchmark.paths)
    assert list(benchmark.owners) == sorted(benchmark.owners)
    for caption, owner in zip(benchmark.captions, benchmark.owners, strict=True):
        assert f"umber {owner} " in caption and caption == caption.strip()
    assert {benchmark.read(path).mode for path in benchmark.paths} == {"RGB"}
    assert content(tmp_path) == before, "a benchmark writes nothing into the folder of its data"
    assert load(name, tmp_path, ["a class"]) == benchmark


@each_layout_of_captions
def test_pictures_with_captions_are_listed_without_a_look_into_them(name, draw, tmp_path, monkeypatch):
    draw(tmp_path)
    whole = load(name, tmp_path)
    spoilt = spoil(tmp_path, name)
    for reader in ("fault", "read_picture", "_decoded"):
        monkeypatch.setattr(picture_files, reader, None)
    found = listed(name, tmp_path)
    assert set(found.found) == set(whole.paths) - {tmp_path / spoilt.missing}
    assert [fault.file for fault in found.faults] == [spoilt.missing]


@each_layout_of_captions
def test_a_picture_that_is_corrupt_or_missing_leaves_with_its_captions(name, draw, tmp_path):
    draw(tmp_path)
    whole = load(name, tmp_path)
    spoilt = spoil(tmp_path, name)
    left = load(name, tmp_path)
    assert {fault.file for fault in left.faults} == {spoilt.corrupt, spoilt.missing}
    assert all(fault.reason and str(tmp_path) not in fault.reason for fault in left.faults)
    gone = {tmp_path / spoilt.corrupt, tmp_path / spoilt.missing}
    assert set(left.paths) == set(whole.paths) - gone

    def pairs(captions):
        told = zip(captions.captions, captions.owners, strict=True)
        return [(caption, captions.paths[owner]) for caption, owner in told]

    assert pairs(left) == [pair for pair in pairs(whole) if pair[1] not in gone]


@pytest.mark.parametrize("name", [name for name in NAMES if TASKS[name] in ("retrieval", "captioning")])
def test_where_no_picture_can_be_read_that_is_refused(name, tmp_path):
    LAYOUTS[name][0](tmp_path)
    for path in load(name, tmp_path).paths:
        cut(path)
    with pytest.raises(UserError, match="no picture with a caption that can be read. What is wrong there: ") as told:
        load(name, tmp_path)
    assert str(tmp_path) in str(told.value) and "\n" not in str(told.value)


@each_layout
def test_faults_say_the_same_every_time(name, draw, tmp_path):
    draw(tmp_path)
    spoil(tmp_path, name)
    assert load(name, tmp_path).faults == load(name, tmp_path).faults


@each_layout
def test_pictures_can_be_read_from_several_threads_and_processes(name, draw, tmp_path):
    draw(tmp_path)
    benchmark = load(name, tmp_path)
    read = pickle.loads(pickle.dumps(benchmark.read))
    some = benchmark.paths[:8]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda path: read(path).tobytes(), some))
    assert together == [benchmark.read(path).tobytes() for path in some]


@pytest.mark.parametrize("name", ["image_folder", "rare_concepts", "imagenet100", "chexpert_5x200c"])
def test_a_class_without_a_picture_that_can_be_read_is_refused(name, tmp_path):
    LAYOUTS[name][0](tmp_path)
    whole = load(name, tmp_path)
    for path in (path for path, label in zip(whole.paths, whole.labels, strict=True) if label == 1):
        cut(path)
    known = len(whole.class_names)
    with pytest.raises(UserError, match=f"can be read for 1 of {known} classes: {whole.class_names[1]}\\.") as told:
        load(name, tmp_path)
    assert str(tmp_path) in str(told.value)
    assert "\n" not in str(told.value)


def test_loading_imports_neither_torch_nor_open_clip(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom stages.common import lookup\n"
        "from tests.stages.benchmarks.drawn_layouts import LAYOUTS\n"
        "for name, forms in LAYOUTS.items():\n"
        "    for number, draw in enumerate(forms):\n"
        f"        root = Path({str(tmp_path)!r}, name, str(number))\n"
        "        draw(root)\n"
        "        lookup.find('stages.benchmarks', name, 'a test').load(root, None)\n"
        "print(sorted({'torch', 'open_clip', 'timm', 'monai', 'cv2'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("labels", [(0,), (0, 2), (0, -1)])
def test_a_record_whose_labels_do_not_fit_cannot_be_made(labels):
    with pytest.raises(AssertionError):
        Benchmark("x", "classification", ("a", "b"), (Path("0.png"), Path("1.png")), labels)


def test_a_record_reads_picture_files_and_has_no_faults_unless_it_says_so(tmp_path):
    path = write(tmp_path / "0.jpg", picture(0))
    benchmark = Benchmark("x", "classification", ("a",), (path,), (0,))
    assert benchmark.faults == ()
    assert benchmark.read(path).size == (48, 48)


@pytest.mark.parametrize("twice", [["kite", "arch", "kite"], ["Kite", "kite"]])
def test_a_class_that_is_asked_for_twice_is_told(twice, tmp_path):
    with pytest.raises(UserError, match=f"{twice[0]!r} and {twice[-1]!r} read as one"):
        asked(tmp_path, {"kite": 1, "arch": 2}, twice, "folder")


def test_many_missing_files_are_one_fault_with_their_number():
    few = [f"{number}.png" for number in range(NAMED)]
    assert absent(few) == [Fault(file, "it is missing") for file in few]
    (one,) = absent([*few, "last.png"])
    assert one.file == "0.png"
    assert f"and so are {NAMED} more: 1.png, 2.png, 3.png, 4.png, 5.png, ..." in one.reason


def test_many_folders_with_a_wrong_number_are_one_fault_with_their_number(tmp_path):
    folders = {str(number): tmp_path / "val" / str(number) for number in range(NAMED + 2)}
    found = {name: [folder / "0.png"] for name, folder in folders.items()}
    few = dict(list(found.items())[:2])
    assert [fault.file for fault in miscounted(tmp_path, tmp_path / "val", folders, few, 2)] == ["val/0", "val/1"]
    found["0"] = [folders["0"] / f"{number}.png" for number in range(3)]
    (one,) = miscounted(tmp_path, tmp_path / "val", folders, found, 2)
    assert one == Fault("val", "21 pictures are missing, 1 are too many: 22 of 22 classes do not hold 2 each")
    assert miscounted(tmp_path, tmp_path / "val", folders, few, 1) == []
