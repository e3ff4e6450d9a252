"""CheXpert-5x200c by each of its three indexes."""

import json

import pytest

from stages.benchmarks import chexpert_5x200c as chexpert
from stages.common.failures import UserError
from tests.stages.benchmarks import drawn_layouts as drawn

FORMS = ["json", "imgpath", "Path"]


def faults(root, classes=None):
    return {fault.file: fault.reason for fault in chexpert.load(root, classes).faults}


def rewrite(root, change):
    index = root / "chexpert_5x200.json"
    rows = json.loads(index.read_text())
    change(rows)
    index.write_text(json.dumps(rows))


@pytest.mark.parametrize("form", FORMS)
def test_every_index_gives_the_same_pictures_and_labels(form, tmp_path):
    drawn.chexpert_5x200c(tmp_path, 2, form=form)
    benchmark = chexpert.load(tmp_path, None)
    assert benchmark.class_names == ("atelectasis", "cardiomegaly", "consolidation", "edema", "pleural effusion")
    assert benchmark.labels == (0, 0, 1, 1, 2, 2, 3, 3, 4, 4)
    assert [path.parts[-3] for path in benchmark.paths] == [f"patient{number:05d}" for number in range(101, 111)]
    assert benchmark.name == "chexpert_5x200c"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("home", ["CheXpert-v1.0", "."])
def test_pictures_are_found_in_every_place(form, home, tmp_path):
    drawn.chexpert_5x200c(tmp_path, 1, form=form)
    (tmp_path / home).mkdir(exist_ok=True)
    (tmp_path / "CheXpert-v1.0-small/train").rename(tmp_path / home / "train")
    (tmp_path / "train.csv").write_text("Path\n")  # CheXpert's own list is no index
    benchmark = chexpert.load(tmp_path, None)
    assert len(benchmark.paths) == 5
    assert benchmark.faults == ()


def test_rows_without_exactly_one_finding_are_faults(tmp_path):
    drawn.chexpert_5x200c(tmp_path, 4)
    labels = {"1000": [0, 0, 0, 0, 0], "1001": [1, 1, 0, 0, 0], "1002": [1, 0, 0, -1, 0]}
    rewrite(tmp_path, lambda rows: [rows[key].update(label=label) for key, label in labels.items()])
    found = faults(tmp_path)
    assert list(found) == [f"train/patient{101 + n:05d}/study{n % 3 + 1}/view1_frontal.jpg" for n in range(3)]
    assert [reason.split("gives it ")[1].split(" of")[0] for reason in found.values()] == ["0", "2", "1 (1 uncertain)"]
    assert len(chexpert.load(tmp_path, None).paths) == 17


def test_a_blank_in_a_csv_is_a_finding_that_is_not_there(tmp_path):
    drawn.chexpert_5x200c(tmp_path, form="imgpath")
    index = tmp_path / "chexpert-5x200-val-meta.csv"
    index.write_text(index.read_text().replace(",0.0", ","))
    assert chexpert.load(tmp_path, None).faults == ()


def test_a_picture_that_is_listed_twice_counts_once(tmp_path):
    drawn.chexpert_5x200c(tmp_path)
    rewrite(tmp_path, lambda rows: rows.update(again=rows["1000"]))
    assert list(faults(tmp_path).values()) == ["chexpert_5x200.json lists it twice"]
    assert len(chexpert.load(tmp_path, None).paths) == 10


def test_two_indexes_or_none_are_told(tmp_path):
    drawn.chexpert_5x200c(tmp_path)
    (tmp_path / "chexpert_5x200.csv").write_text("Path\n")
    with pytest.raises(UserError, match="2 indexes: chexpert_5x200.csv, chexpert_5x200.json. Keep exactly one"):
        chexpert.load(tmp_path, None)
    for path in tmp_path.glob("chexpert*"):
        path.unlink()
    with pytest.raises(UserError, match="holds no index"):
        chexpert.load(tmp_path, None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("chexpert_5x200.json", "{"),
        ("chexpert_5x200.json", "[]"),
        ("chexpert_5x200.json", '{"1": {"image_path": "train/a.jpg"}}'),
        ("chexpert_5x200.json", '{"1": {"image_path": "train/a.jpg", "label": [1, 0]}}'),
        ("chexpert_5x200.json", '{"1": {"image_path": "train/a.jpg", "label": ["yes", 0, 0, 0, 0]}}'),
        ("chexpert_5x200.csv", "file,Edema\na.jpg,1\n"),
        ("chexpert_5x200.csv", "Path,Edema\ntrain/a.jpg,1\n"),
    ],
)
def test_an_index_in_another_form_is_told_in_one_line(name, text, tmp_path):
    drawn.chexpert_5x200c(tmp_path)
    (tmp_path / "chexpert_5x200.json").unlink()
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=f"{name} has another form than an index") as told:
        chexpert.load(tmp_path, None)
    assert "\n" not in str(told.value)


def test_an_index_without_pictures_is_told(tmp_path):
    drawn.chexpert_5x200c(tmp_path)
    (tmp_path / "CheXpert-v1.0-small").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="holds none of CheXpert-v1.0-small, CheXpert-v1.0 and train"):
        chexpert.load(tmp_path, None)
