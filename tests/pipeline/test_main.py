import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import experiments
from pipeline.__main__ import PASSED_ON, main

ROOT = Path(__file__).resolve().parents[2]


def pipeline(*words, cwd=ROOT):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipeline", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def house(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").touch()
    return tmp_path


def test_help_names_every_command():
    done = pipeline("--help")
    assert done.returncode == 0
    beside_the_graph = ("serve", "status", "prune", "stage", "experiments", "add", "remove", *PASSED_ON)
    assert all(re.search(rf"\n    {command}\s", done.stdout) for command in beside_the_graph)


def test_help_imports_nothing_heavy():
    code = "import sys, pipeline.__main__ as m; m.parser().format_help(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"torch", "pandas", "numpy", "open_clip", "dvc", "prefect", "ruamel.yaml", "stages"}
    assert not heavy & set(done.stdout.split())


def test_an_unknown_stage_is_one_line_and_exit_code_1():
    done = pipeline("stage", "invrt", "world-moongate")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("dvc.yaml has no stage 'invrt'. Did you mean 'invert'?")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", PASSED_ON)
def test_options_of_verbs_beside_the_graph_are_passed_on(house, verb):
    (house / f"stages/{verb}.py").write_text("import sys; print(sys.argv[1:]); sys.exit(4)")
    done = pipeline(verb, "--run", "world-moongate", "a photo.png", "--help", cwd=house)
    assert done.stdout == "['--run', 'world-moongate', 'a photo.png', '--help']\n"
    assert done.returncode == 4
    assert not (house / "data").exists()  # none is a stage, so none is timed


def test_a_stage_runs_and_is_timed(house):
    (house / "stages/draw.py").write_text("print('drawn')")
    (house / "dvc.yaml").write_text("stages: {draw: {cmd: x}}")
    done = pipeline("stage", "draw", cwd=house)
    assert (done.returncode, done.stdout) == (0, "drawn\n")
    assert (house / "data/timings/stages.csv").read_text().splitlines()[1].startswith("draw,,")


def test_an_unknown_experiment_is_one_line_and_exit_code_1(capsys):
    assert main(["add", "no-such-experiment"]) == 1
    assert capsys.readouterr().err.startswith("pipeline/experiments has no 'no-such-experiment'.")


def test_several_experiments_are_put_in_and_taken_out_by_one_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    names = experiments.names()[:2]
    assert main(["add", *names]) == 0
    assert capsys.readouterr().out.startswith("params.yaml: add concepts.")
    assert main(["remove", *names]) == 0
    assert (tmp_path / "params.yaml").read_bytes() == (ROOT / "params.yaml").read_bytes()


def test_the_experiments_there_are_listed(capsys):
    assert main(["experiments"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told if not line.startswith(" ")] == experiments.names()
