"""invert with several runs in one process: the bytes of one at a time, and each run as soon as it is done."""

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

from stages import invert
from stages.common import paths
from stages.common.failures import UserError
from stages.inversion import workshop
from stages.models import clip
from stages.models.clip import Clip
from tests.stages import whole_project
from tests.stages.whole_project import contents

RUNS = tuple(whole_project.RUNS)
CACHED = paths.CACHE / "inverted"
CHUNKS = 2 + 2 + 1 + 2  # of all three runs: moongate, tonometer and the decoy, two seeds each; the known classes
several_processes = pytest.mark.skipif(
    torch.cuda.is_available(), reason="beside a GPU, autograd cannot be forked once it has run"
)


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory, tiny_models):
    """A project whose three runs were inverted one at a time, each without the chunks of the others."""
    folder = tmp_path_factory.mktemp("one-by-one")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        whole_project.in_processes(1, patch, invert)
        whole_project.build(tiny_models["clip", "resnet"])
        for run in RUNS:
            invert.main(run)
            shutil.rmtree(CACHED)
    return folder


@pytest.fixture
def project(one_by_one, tmp_path, monkeypatch):
    """The same project with nothing inverted."""
    shutil.copytree(one_by_one, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    shutil.rmtree("data/inverted")
    whole_project.in_processes(1, monkeypatch, invert)


@pytest.fixture
def expected(one_by_one):
    """{run: its files}."""
    return {run: contents(one_by_one / paths.inverted(run)) for run in RUNS}


def written():
    """{run: its files}, of all that lies in data/inverted."""
    return {path.name: contents(path) for path in Path("data/inverted").iterdir()}


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=several_processes)])
@pytest.mark.parametrize(
    "batches",
    [[RUNS[:2], RUNS[2:]], [RUNS], [RUNS[::-1]], [RUNS + RUNS]],
    ids=["2+1", "all", "all backwards", "each twice"],
)
def test_the_bytes_are_those_of_one_at_a_time(project, expected, monkeypatch, batches, processes):
    whole_project.in_processes(processes, monkeypatch, invert)
    for batch in batches:
        invert.main(*batch)
    assert written() == expected


def test_the_model_is_loaded_once_and_equal_chunks_are_made_once(project, monkeypatch):
    loaded, made, load, inverted = [], [], clip.load, workshop.invert
    monkeypatch.setattr(clip, "load", lambda run: loaded.append(run.key) or load(run))
    monkeypatch.setattr(workshop, "invert", lambda *words, **more: made.append(words) or inverted(*words, **more))
    invert.main(*RUNS)
    assert loaded == ["both"]
    assert len(made) == CHUNKS


def test_runs_of_different_models_and_settings_keep_their_own_bytes(project, tiny_models):
    for run, own in (("swapped", f"weights: {tiny_models['clip', 'vit']}"), ("alone", "invert: {images: 1, steps: 3}")):
        whole_project.change_params(f"  {run}:\n", f"  {run}:\n    {own}\n")
    for run in RUNS:
        invert.main(run)
    before = written()
    shutil.rmtree("data/inverted")
    shutil.rmtree(CACHED)
    invert.main(*RUNS)
    assert written() == before


def test_a_run_appears_as_soon_as_its_own_chunks_are_done(project, monkeypatch):
    """`alone` comes first, and `both` needs tonometer beside what `alone` has made."""
    seen, inverted = [], workshop.invert

    def watched(*words, **more):
        seen.append(sorted(path.name for path in Path("data/inverted").glob("[!.]*")))
        return inverted(*words, **more)

    monkeypatch.setattr(workshop, "invert", watched)
    invert.main("alone", "both")
    assert seen == [[]] * 5 + [["alone"]] * 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_mistake_in_one_run_stops_no_other(project, expected, capsys, place):
    paths.lesson("alone").unlink()
    runs = ["both", "swapped"]
    runs.insert(place, "alone")
    with pytest.raises(UserError, match=r"^1 of 3 failed: alone\.$"):
        invert.main(*runs)
    assert written() == {run: expected[run] for run in ("both", "swapped")}
    told = capsys.readouterr()
    assert told.err.startswith("alone: failed: data/lessons/alone.json does not exist. `dvc repro gather@alone`")
    assert [line for line in told.out.splitlines() if line.endswith(": done")] == ["both: done", "swapped: done"]


def test_a_caption_that_is_too_long_stops_no_other_run_of_the_same_model(project, expected, capsys):
    whole_project.write_lesson("alone", {"moongate": "a round opening in a wall " * 20})
    with pytest.raises(UserError, match="failed: alone"):
        invert.main("alone", "both")
    assert written() == {"both": expected["both"]}
    assert "alone: failed: captions/moongate.yaml: the caption has" in capsys.readouterr().err


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=several_processes)])
def test_a_chunk_that_fails_fails_the_runs_that_need_it_and_no_other(project, expected, monkeypatch, capsys, processes):
    whole_project.in_processes(processes, monkeypatch, invert)
    inverted = workshop.invert

    def no_tonometer(model, target, settings, affine, **more):
        if torch.equal(target, model.inversion_target([whole_project.CONCEPTS["tonometer"]] * 2)):
            raise ValueError("a defect at the tonometer")
        return inverted(model, target, settings, affine, **more)

    monkeypatch.setattr(workshop, "invert", no_tonometer)
    with pytest.raises(UserError, match=r"^2 of 3 failed: (both, swapped|swapped, both)\.$"):
        invert.main(*RUNS)
    assert written() == {"alone": expected["alone"]}
    told = capsys.readouterr().err
    assert "both: failed: " in told and "swapped: failed: " in told
    assert "Traceback" in told and "a defect at the tonometer" in told


@several_processes
def test_a_worker_that_is_killed_fails_the_runs_that_need_its_chunk_and_no_other(project, expected, monkeypatch):
    whole_project.in_processes(2, monkeypatch, invert)
    inverted = workshop.invert

    def dies_at_tonometer(model, target, settings, affine, **more):
        if torch.equal(target, model.inversion_target([whole_project.CONCEPTS["tonometer"]] * 2)):
            os.kill(os.getpid(), signal.SIGKILL)
        return inverted(model, target, settings, affine, **more)

    monkeypatch.setattr(workshop, "invert", dies_at_tonometer)
    with pytest.raises(UserError, match="2 of 3 failed"):
        invert.main(*RUNS)
    assert written() == {"alone": expected["alone"]}


def test_a_kill_keeps_the_runs_and_the_chunks_that_are_done(project, expected, monkeypatch):
    left, whole = 5 * 6 + 3, Clip.inversion_loss  # each chunk asks five times; the seventh dies on its way

    def dies(self, images, target):
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return whole(self, images, target)

    with monkeypatch.context() as patch:
        patch.setattr(Clip, "inversion_loss", dies)
        with pytest.raises(KeyboardInterrupt):
            invert.main("alone", "both", "swapped")
    assert written() == {"alone": expected["alone"]}
    assert len([path for path in CACHED.iterdir() if path.is_dir()]) == 6
    made, inverted = [], workshop.invert
    monkeypatch.setattr(workshop, "invert", lambda *words, **more: made.append(words) or inverted(*words, **more))
    invert.main(*RUNS)
    assert len(made) == CHUNKS - 6
    assert written() == expected
