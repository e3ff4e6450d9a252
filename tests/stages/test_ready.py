"""ready: which runs can start, and what the others lack."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.documents import read
from stages import ready

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


def test_no_library_that_takes_seconds_is_imported():
    code = f"import sys, {ready.__name__}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "pandas", "PIL", "open_clip"} & set(done.stdout.split())
