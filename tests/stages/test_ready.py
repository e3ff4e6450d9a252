"""ready: which runs can start, and what the others lack."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import experiments
from pipeline.documents import read
from stages import ready
from stages.common import params
from stages.common.failures import UserError
from stages.networks import open_clip_weights as clip_network
from tests.stages.benchmarks import drawn_layouts as drawn

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """params.yaml with a run that can start and one that asks for pictures that nobody has put there."""
    monkeypatch.chdir(tmp_path)
    params = read(ROOT / "params.yaml")
    run = params["runs"]["world-together"]
    params["runs"] = {"world": run, "rare": {**run, "target_data": "data/rare", "retention_data": "data/common"}}
    Path("params.yaml").write_text(json.dumps(params))
    for path in (run["weights"], "data/inversion.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).symlink_to(ROOT / path)
    return tmp_path


def asked(*keys):
    command = [sys.executable, "-m", "stages.ready", *keys]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_run_that_lacks_nothing_is_ready(project):
    done = asked("world")
    assert (done.returncode, done.stdout, done.stderr) == (0, "world: ready\n", "")


def test_a_run_that_is_not_ready_names_all_that_it_lacks_and_the_others_are_told_too(project):
    done = asked("rare", "world")
    assert (done.returncode, done.stdout) == (1, "world: ready\n")
    why, closing = done.stderr.splitlines()
    assert why.startswith("rare: failed: params.yaml: runs.rare.target_data says 'data/rare', but there is no such")
    assert "runs.rare.retention_data says 'data/common'" in why
    assert closing == "1 of 2 failed: rare."


def test_an_unknown_run_is_one_line_with_the_nearest(project):
    done = asked("wrld")
    assert done.returncode == 1
    assert "runs has no 'wrld'. Did you mean 'world'?" in done.stderr and done.stderr.count("\n") == 1


@pytest.fixture
def with_table1(tmp_path, monkeypatch):
    """Table 1 as pipeline/experiments has it; all that is there of its data is a text file and an empty folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    experiments.add("table1")
    for path in ("data/known", "data/inversion.md", "data/weights/hub.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).symlink_to(ROOT / path)
    (tmp_path / "data/benchmarks/imagenet/junk").mkdir(parents=True)
    (tmp_path / "data/benchmarks/rare_concepts/moongate").mkdir(parents=True)
    (tmp_path / "data/benchmarks/rare_concepts/moongate/x.txt").touch()
    return tmp_path


def test_data_in_no_layout_and_weights_that_no_hub_gives_are_told_before_anything_is_computed(with_table1, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(with_table1 / "cache"))
    done = asked("b32-gyroscope")
    assert (done.returncode, done.stdout) == (1, "")
    place = "params.yaml: runs.b32-gyroscope."
    (line,) = [line for line in done.stderr.splitlines() if line.startswith(place)]
    weights, target, retention = line.split(place)[1:]
    assert weights.startswith("weights says 'data/weights/hub.md', but the weights 'openai' of ViT-B-32 could not be f")
    assert "has no folder for 1 of 1 classes: gyroscope. It has: moongate." in target
    assert "data/benchmarks/imagenet holds no ImageNet. Put val/" in retention


def test_weights_of_a_hub_are_fetched_once_for_all_runs_that_name_them(with_table1, monkeypatch, capsys):
    drawn.rare_concepts("data/benchmarks/rare_concepts", 1)
    drawn.imagenet("data/benchmarks/imagenet")
    fetched = []

    def fetch(run):
        fetched.append(run.architecture)
        if run.architecture == "ViT-L-14":
            raise UserError("the hub is gone.")

    monkeypatch.setattr(clip_network, "fetch", fetch)
    with pytest.raises(UserError, match="2 of 4 failed: l14-moongate, l14-gyroscope"):
        ready.main("b32-moongate", "b32-gyroscope", "l14-moongate", "l14-gyroscope")
    told = capsys.readouterr()
    assert fetched == ["ViT-B-32", "ViT-L-14"]
    assert told.out == "b32-moongate: ready\nb32-gyroscope: ready\n"
    line = "{0}: failed: params.yaml: runs.{0}.weights says 'data/weights/hub.md', but the hub is gone."
    assert told.err.splitlines() == [line.format(key) for key in ("l14-moongate", "l14-gyroscope")]


def test_an_architecture_that_nobody_has_is_told_at_its_own_place(with_table1):
    run = replace(params.load().run("b32-moongate"), architecture="ViT-B-23")
    (told,) = ready.unfetched(run, {})
    assert told.startswith(
        "params.yaml: runs.b32-moongate.architecture says 'ViT-B-23', which open_clip does not have."
    )


def test_weights_that_lie_on_the_disk_are_not_fetched(project, monkeypatch):
    monkeypatch.setattr(clip_network, "fetch", None)
    assert ready.unfetched(params.load().run("world"), {}) == []


def test_no_library_that_takes_seconds_is_imported():
    code = f"import sys, {ready.__name__}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "pandas", "PIL", "open_clip"} & set(done.stdout.split())


def test_a_sam_that_the_hub_does_not_give_is_told_before_anything_is_computed(monkeypatch):
    def refused(weights):
        raise UserError(f"could not be fetched: no way to {weights}.")

    monkeypatch.setattr("stages.networks.sam.fetch", refused)
    run = replace(params.load().run("world-outlined"), segmentation={"segmenter": "sam"})
    told = ready.unfetched_segmenter(run, {})
    assert told == [
        "params.yaml: runs.world-outlined.segmentation.segmenter says 'sam', but facebook/sam-vit-huge could not be "
        "fetched: no way to facebook/sam-vit-huge."
    ]
    assert ready.unfetched_segmenter(replace(run, segmentation={"segmenter": "grabcut"}), {}) == []
