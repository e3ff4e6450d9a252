"""segmenting: settings with their ranges, what tuning tries, and methods and modalities that there must be."""

import dataclasses
import subprocess
import sys

import pytest

from stages.common import lookup
from stages.common.failures import UserError
from stages.common.segmenting import FOLDERS, Settings, Tuning, check_modality, settings_of

WHERE = "params.yaml: runs.a.segmentation"


def refused(mapping):
    with pytest.raises(UserError) as told:
        settings_of(mapping, WHERE)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_nothing_written_gives_the_defaults_and_all_of_them_are_allowed():
    assert settings_of({}, WHERE) == Settings()
    written = dataclasses.asdict(Settings())
    assert settings_of(written, WHERE) == Settings()


def test_every_setting_comes_through_as_written():
    written = {"saliency": "gradient", "block": 1, "beta": 0, "steps": 0, "learning_rate": 0.5, "samples": 1}
    written |= {"mask": "threshold", "threshold": 1, "components": 2, "segmenter": "sam", "prompts": "both"}
    written |= {"weights": "a/folder", "modality": "t2f", "pictures": 500, "tune": {}}
    assert written.keys() == {field.name for field in dataclasses.fields(Settings)}
    assert dataclasses.asdict(settings_of(written, WHERE)) == written


def test_each_method_is_a_file_of_its_folder():
    for name, folder in FOLDERS.items():
        for method in lookup.names(f"stages.{folder}"):
            assert getattr(settings_of({name: method}, WHERE), name) == method
    assert "m2ib" in lookup.names("stages.saliency") and "grabcut" in lookup.names("stages.segmenters")


@pytest.mark.parametrize(
    ("name", "written", "nearest"),
    [("saliency", "m2bi", "m2ib"), ("mask", "kmean", "kmeans"), ("segmenter", "grab_cut", "grabcut")],
)
def test_a_method_that_there_is_not_is_told_with_the_nearest(name, written, nearest):
    told = refused({name: written})
    assert told.startswith(f"{WHERE}.{name} says '{written}', but stages/{FOLDERS[name]}/ has no {written}.py.")
    assert f"Did you mean '{nearest}'?" in told


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("block", 0, "block must be at least 1, but is 0"),
        ("samples", 0, "samples must be at least 1, but is 0"),
        ("components", 0, "components must be at least 1, but is 0"),
        ("steps", -1, "steps must be at least 0, but is -1"),
        ("beta", -0.1, "beta must be at least 0, but is -0.1"),
        ("learning_rate", 0, "learning_rate must be above 0, but is 0.0"),
        ("threshold", 1.1, "threshold must be within 0 and 1, but is 1.1"),
        ("threshold", -0.1, "threshold must be within 0 and 1, but is -0.1"),
        ("pictures", 0, "pictures must be at least 1, or null for all, but is 0"),
        ("block", 2.5, "segmentation.block says 2.5, but must be a whole number"),
        ("pictures", "all", "segmentation.pictures says 'all', but must be a whole number"),
        ("prompts", "boxes", "segmentation.prompts says 'boxes'. Did you mean 'box'?"),
        ("beta", float("nan"), "segmentation.beta says nan, but must be a finite number"),
    ],
)
def test_a_value_out_of_range_is_told_with_what_is_allowed(name, value, told):
    message = refused({name: value})
    assert message.startswith(WHERE) and told in message


def test_an_unknown_key_is_told_with_the_nearest():
    told = refused({"blocks": 8})
    assert told.startswith(f"{WHERE}.blocks is no key that is known here. Did you mean 'block'?")


def test_tuning_tries_each_block_with_each_beta_and_changes_nothing_else():
    settings = settings_of({"steps": 3, "tune": {"pictures": 3, "blocks": [7, 9], "betas": [0.1, 1]}}, WHERE)
    assert settings.tuning == Tuning(3, (7, 9), (0.1, 1.0))
    tried = [(one.block, one.beta) for one in settings.tried()]
    assert tried == [(7, 0.1), (7, 1.0), (9, 0.1), (9, 1.0)]
    assert all(dataclasses.replace(one, block=8, beta=0.1) == settings for one in settings.tried())
    assert Settings().tuning is None


@pytest.mark.parametrize(
    ("tune", "told"),
    [
        ({"pictures": 3, "blocks": [8]}, "segmentation.tune lacks the key 'betas'"),
        ({"pictures": 0, "blocks": [8], "betas": [1]}, "segmentation.tune: tune needs at least one picture"),
        ({"pictures": 1, "blocks": [], "betas": [1]}, "tune needs at least one picture, one of blocks"),
        ({"pictures": 1, "blocks": [8], "betas": []}, "tune needs at least one picture, one of blocks"),
        (
            {"pictures": 1, "blocks": [0], "betas": [1]},
            "blocks start at 1 and betas at 0, but they are (0,)",
        ),
        ({"pictures": 1, "blocks": [1], "betas": [-1]}, "blocks start at 1 and betas at 0"),
        ({"pictures": 1, "block": [1], "betas": [1]}, "segmentation.tune.block is no key that is known here"),
        ({"pictures": 1, "blocks": 8, "betas": [1]}, "tune.blocks says 8, but must be a list, such as [8]"),
        ([], "segmentation.tune says [], but must be a mapping"),
    ],
)
def test_what_tuning_cannot_do_is_told_before_anything_runs(tune, told):
    assert told in refused({"tune": tune})


def test_a_modality_is_one_of_the_benchmarks():
    for modality, has in ((None, ()), (None, ("t2f", "t1c")), ("t1c", ("t2f", "t1c"))):
        check_modality(Settings(modality=modality), "brats", has, f"{WHERE}.modality")


@pytest.mark.parametrize(
    ("has", "told"),
    [
        (("t2f", "t1c"), r"modality says 't1', but brats has t2f, t1c\. Did you mean 't1c'\?$"),
        ((), r"modality says 't1', but brats has one kind of picture alone: write null\.$"),
    ],
)
def test_another_modality_is_told_with_those_that_there_are(has, told):
    with pytest.raises(UserError, match=rf"^params\.yaml: runs\.a\.segmentation\.{told}"):
        check_modality(Settings(modality="t1"), "brats", has, f"{WHERE}.modality")


def test_settings_are_checked_without_torch():
    """params.yaml is read before every stage, and torch takes seconds."""
    lines = ["import sys", "from stages.common.segmenting import settings_of", "settings_of({}, 'a place')"]
    code = "; ".join([*lines, "assert 'torch' not in sys.modules and 'cv2' not in sys.modules"])
    subprocess.run([sys.executable, "-c", code], check=True)
