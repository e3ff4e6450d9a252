"""classes: the class names of a benchmark's data as a JSON list."""

import json

import pytest
from PIL import Image

from stages import classes
from stages.common.failures import UserError


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("traffic_light", "café", "arch"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), "red").save(tmp_path / "data" / name / "0.png")
    return tmp_path


def test_the_names_are_written_as_the_benchmark_has_them(pictures, capsys):
    classes.main("image_folder", "data", "known/names.json")
    text = (pictures / "known/names.json").read_text(encoding="utf-8")
    assert json.loads(text) == ["arch", "café", "traffic light"]
    assert "café" in text and text.endswith("]\n")
    assert capsys.readouterr().out == "known/names.json: 3 classes, arch to traffic light\n"


def test_the_same_again_is_no_mistake(pictures):
    for _ in range(2):
        classes.main("image_folder", "data", "names.json")
    assert len(json.loads((pictures / "names.json").read_text())) == 3


@pytest.mark.parametrize("other", ['["arch"]', ""])
def test_another_content_is_never_overwritten(pictures, other):
    (pictures / "names.json").write_text(other)
    with pytest.raises(UserError, match=r"^names\.json is there already .* 3 classes of data\. Remove it first"):
        classes.main("image_folder", "data", "names.json")
    assert (pictures / "names.json").read_text() == other


def test_an_unknown_benchmark_is_told_with_the_nearest(pictures):
    with pytest.raises(UserError, match="python -m pipeline classes says 'image_foldr'.*Did you mean 'image_folder'"):
        classes.main("image_foldr", "data", "names.json")


def test_a_benchmark_of_captions_has_no_classes_to_write(pictures):
    with pytest.raises(UserError, match="captioned_folder has captions and no classes to be written"):
        classes.main("captioned_folder", "data", "names.json")
