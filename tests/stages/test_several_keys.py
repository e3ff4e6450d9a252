"""A stage that dvc.yaml calls a batch takes several keys on its command line; the failure of one stops no other."""

import runpy
import sys
from pathlib import Path

import pytest
import yaml

from stages.common import captions, paths
from stages.common.captions import Caption
from tests.stages import whole_project

STAGES = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text())["stages"]
BATCHES = sorted(name for name, stage in STAGES.items() if stage.get("do", stage).get("meta", {}).get("batch"))


@pytest.fixture
def project(tmp_path, monkeypatch, tiny_models):
    """A project with captions, and no result of any stage but the lessons."""
    monkeypatch.chdir(tmp_path)
    whole_project.build(tiny_models["clip", "resnet"])
    for name, text in whole_project.CONCEPTS.items():
        captions.write(paths.caption(name), Caption(name, "a", text, "by hand"))


def status(monkeypatch, verb, *keys):
    """The exit status of `python -m stages.VERB KEY...`."""
    monkeypatch.setattr(sys, "argv", [verb, *keys])
    monkeypatch.delitem(sys.modules, f"stages.{verb}", raising=False)
    try:
        runpy.run_module(f"stages.{verb}", run_name="__main__")
    except SystemExit as end:
        return end.code
    return 0


def test_all_stages_with_keys_are_batches():
    assert sorted(name for name, stage in STAGES.items() if "foreach" in stage) == BATCHES
    assert "invert" in BATCHES


@pytest.mark.parametrize("verb", BATCHES)
def test_each_key_is_tried_and_named(project, monkeypatch, capsys, verb):
    assert status(monkeypatch, verb, "no_such_key", "neither_this") == 1
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in told[:2]] == [["no_such_key", "failed"], ["neither_this", "failed"]]
    assert told[2] == "2 of 2 failed: no_such_key, neither_this."


@pytest.mark.parametrize(("verb", "keys"), [("gather", ("both", "alone")), ("describe", tuple(whole_project.CONCEPTS))])
def test_every_key_has_its_result(project, monkeypatch, capsys, verb, keys):
    whole_project.change_params("tonometer, moongate]", "tonometer]")
    for key, text in whole_project.CONCEPTS.items():
        whole_project.change_params(
            f"{key}: {{name: {key}, article: a}}", f"{key}: {{name: {key}, article: a, description: {text}}}"
        )
    paths.lesson("both").unlink()
    assert status(monkeypatch, verb, *keys) == 0
    assert paths.lesson("both").exists() == (verb == "gather")
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if line.endswith(": done")] == [f"{key}: done" for key in keys]
