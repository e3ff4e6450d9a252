"""A folder of pictures and their captions."""

import json

import pytest

from stages.benchmarks import captioned_folder
from stages.common.failures import UserError
from stages.common.faults import Fault
from tests.stages.benchmarks import drawn_layouts as drawn


def said(root, content):
    (root / "captions.json").write_text(json.dumps(content))


def test_it_is_called_as_its_folder_is(tmp_path):
    drawn.captioned_folder(tmp_path / "holiday")
    assert captioned_folder.load(tmp_path / "holiday").name == "holiday"


def test_a_picture_that_is_not_listed_is_a_fault_and_a_mask_is_none(tmp_path):
    drawn.captioned_folder(tmp_path)
    for name in ("more.jpg", "000.mask.png"):
        drawn.write(tmp_path / name, drawn.picture(9))
    assert captioned_folder.load(tmp_path).faults == (Fault("more.jpg", "captions.json does not list it"),)


def test_blank_captions_are_passed_over_and_a_picture_without_any_is_a_fault(tmp_path):
    drawn.captioned_folder(tmp_path)
    said(tmp_path, {"first/000.jpg": [" a disc ", " "], "001.jpg": [""], "002.jpg": []})
    benchmark = captioned_folder.load(tmp_path)
    assert (benchmark.captions, benchmark.owners) == (("a disc",), (0,))
    assert [fault.reason for fault in benchmark.faults] == ["it has no caption"] * 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "must hold"),
        ({}, "must hold"),
        ({"0.png": "a disc"}, "'0.png' must have a list of captions, but has 'a disc'"),
        ({"0.png": [1]}, "must have a list of captions"),
        ({"../0.png": ["a disc"]}, "'../0.png' lies outside of"),
        ({"/0.png": ["a disc"]}, "'/0.png' lies outside of"),
    ],
)
def test_captions_in_another_form_are_told(content, told, tmp_path):
    said(tmp_path, content)
    with pytest.raises(UserError, match=told) as error:
        captioned_folder.listed(tmp_path)
    assert str(tmp_path / "captions.json") in str(error.value)


def test_captions_that_are_no_json_are_told(tmp_path):
    (tmp_path / "captions.json").write_text("{")
    with pytest.raises(UserError, match=r"captions\.json is no JSON"):
        captioned_folder.listed(tmp_path)
