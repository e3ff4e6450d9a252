"""ImageNet-100 as the Kaggle archive unpacks."""

import json

import pytest

from stages.benchmarks import imagenet100
from stages.common.failures import UserError
from tests.stages.benchmarks import drawn_layouts as drawn


def faults(root, classes=None):
    return {fault.file: fault.reason for fault in imagenet100.load(root, classes).faults}


def test_names_are_the_first_synonyms_that_no_earlier_class_has():
    labels = {
        "n02012849": "crane",
        "n01440764": "tench, Tinca tinca",
        "n03126707": "crane, lifting machine",
        "n09999999": "crane",
        "n02006656": "spoonbill",
    }
    assert imagenet100.first_synonyms(labels) == {
        "n01440764": "tench",
        "n02006656": "spoonbill",
        "n02012849": "crane",
        "n03126707": "lifting machine",
        "n09999999": "crane n09999999",
    }


def test_a_hundred_classes_load_in_the_order_of_their_ids(tmp_path):
    drawn.imagenet100(tmp_path)
    benchmark = imagenet100.load(tmp_path, None)
    assert benchmark.class_names[:2] == ("tench", "goldfish")
    assert benchmark.labels == tuple(range(100))
    assert "val.X" in benchmark.paths[0].parts
    assert faults(tmp_path) == {"val.X": "4900 pictures are missing: 100 of 100 classes do not hold 50 each"}


def test_classes_without_a_folder_and_folders_without_a_class_are_named(tmp_path):
    drawn.imagenet100(tmp_path, 2, 50)
    labels = json.loads((tmp_path / "Labels.json").read_text())
    (tmp_path / "Labels.json").write_text(json.dumps({**labels, "n01484850": "great white shark, white shark"}))
    drawn.write(tmp_path / "val.X/n09999999/0.JPEG", drawn.picture(0))
    assert set(faults(tmp_path)) == {"val.X/n01484850", "val.X/n09999999"}
    assert faults(tmp_path, ["tench"]) == {}
    with pytest.raises(UserError, match="no folder for 1 of 1 classes: great white shark"):
        imagenet100.load(tmp_path, ["great white shark"])


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "Labels.json is no JSON"), ("[]", "must hold"), ('{"n01440764": 3}', "must hold")],
)
def test_labels_in_another_form_are_told(text, told, tmp_path):
    drawn.imagenet100(tmp_path, 2)
    (tmp_path / "Labels.json").write_text(text)
    with pytest.raises(UserError, match=told):
        imagenet100.load(tmp_path, None)


@pytest.mark.parametrize("gone", ["Labels.json", "val.X"])
def test_a_missing_part_is_named(gone, tmp_path):
    drawn.imagenet100(tmp_path, 2)
    (tmp_path / gone).rename(tmp_path / "other")
    with pytest.raises(UserError, match=f"{gone}: there is no such"):
        imagenet100.load(tmp_path, None)
