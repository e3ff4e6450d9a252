"""The walk of the whole pipeline: real DVC, real stages, the shipped weights, in a small copy of the project."""

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.small_project import Project, differing

pytestmark = pytest.mark.slow

ALL = {
    *("draw", "describe@moongate", "describe@tonometer", "describe@gyroscope"),
    *(f"{verb}@{run}" for verb in ("gather", "invert", "finetune", "evaluate") for run in ("pair", "alone")),
    "report",
}


@pytest.fixture
def project(finished, tmp_path) -> Project:
    return finished.copied(tmp_path / "project")


def test_one_command_runs_every_stage_and_leaves_every_result(finished):
    assert finished.ran == ALL
    found = set(finished.data())
    expected = {f"report/{name}" for name in ("index.html", "report.md", "rows.csv", "metrics.json", "tradeoff.png")}
    for run in ("pair", "alone"):
        expected |= {f"lessons/{run}.json", f"rows/{run}.csv", f"rows/{run}.choice.json"}
        expected |= {f"checkpoints/{run}/index.json", f"inverted/{run}/inversion.json"}
    expected |= {f"inverted/pair/{concept}/seed0/01.png" for concept in ("moongate", "tonometer")}
    expected |= {"inverted/alone/decoy/seed0/01.png", "world/known.json", "world/concepts/moongate/000.png"}
    assert expected <= found
    assert (finished.folder / "captions/moongate.yaml").exists()
    assert (finished.folder / "data/timings/stages.csv").exists()


def test_a_second_time_nothing_runs(finished):
    assert finished.repro() == set()
    assert "up to date" in finished.dvc("status").stdout


def test_from_scratch_gives_the_same_bytes_again(finished, tmp_path):
    again = Project(tmp_path / "again")
    again.folder.mkdir()
    again.build()
    assert again.repro() == ALL
    assert differing(finished.data(), again.data()) == []


def test_an_edited_description_runs_what_depends_on_it_and_changes_the_images_of_its_concept_alone(project):
    before = project.data()
    text = "a thick golden rod standing on a wide base with square dials"
    project.edit(lambda params: params["concepts"]["tonometer"].update(description=text))
    # every lesson looks at the folder of captions; that of `alone` comes out as it was, so nothing follows it
    taught = {"invert@pair", "finetune@pair", "evaluate@pair"}
    assert project.repro() == {"describe@tonometer", "gather@pair", "gather@alone", *taught, "report"}
    changed = set(differing(before, project.data()))
    assert "inverted/pair/tonometer/seed0/00.png" in changed
    images = [name for name in changed if name.startswith("inverted/") and name.endswith(".png")]
    assert [name for name in images if not name.startswith("inverted/pair/tonometer/")] == []
    assert [name for name in changed if "alone" in name or name.startswith("world/")] == []


def test_a_changed_learning_rate_inverts_nothing_anew(project):
    project.edit(lambda params: params["runs"]["alone"]["recipes"].update(paper={"learning_rates": [2e-4]}))
    # gather reads the whole run line to find slips in it early; the lesson comes out as it was
    assert project.repro() == {"gather@alone", "finetune@alone", "evaluate@alone", "report"}


def test_an_added_concept_runs_its_own_stages_alone(project):
    before = project.data()

    def add(params: dict) -> None:
        params["concepts"]["holroate"] = {
            "name": "holroate",
            "article": "a",
            "description": "a diamond-shaped opening in a wall of wood with a garden behind it",
        }
        params["runs"]["new"] = {**params["runs"]["alone"], "concepts": ["holroate"]}

    project.edit(add)
    gathered = {f"gather@{run}" for run in ("pair", "alone", "new")}
    own = {"describe@holroate", "invert@new", "finetune@new", "evaluate@new"}
    assert project.repro() == {*gathered, *own, "report"}
    after = project.data()
    changed = {name for name in before if before[name] != after[name]}
    assert all(name.startswith("report/") for name in changed), sorted(changed)
    assert "rows/new.csv" in after


def test_a_kill_in_the_middle_of_an_inversion_leaves_nothing_half_written_and_the_next_run_finishes(project, tmp_path):
    # long enough to be still at work, some seconds, when its first chunk is done
    project.edit(lambda params: params["runs"]["pair"]["invert"].update(steps=100))
    before, target = project.data(), ("--single-item", "invert@pair")
    uncut = project.copied(tmp_path / "uncut")
    assert uncut.repro(*target) == {"invert@pair"}
    chunks = set((cache := project.folder / ".cache/inverted").glob("*"))
    with (project.folder / "log").open("w") as log:
        command = [sys.executable, "-m", "dvc", "repro", *target]
        process = subprocess.Popen(command, cwd=project.folder, env=project.environment, stdout=log, stderr=log)
        wait_for(lambda: any(path.is_dir() and path.name[0] != "." for path in {*cache.glob("*")} - chunks), process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_for(lambda: not workers_in(project.folder))
    # DVC removes the outputs of a stage before it starts it
    left = {name: content for name, content in before.items() if not name.startswith("inverted/pair/")}
    assert differing({name: content for name, content in project.data().items() if "/.pair." not in name}, left) == []
    assert project.repro(*target) == {"invert@pair"}
    assert differing(project.data(), uncut.data()) == []


def wait_for(is_so: Callable[[], bool], process: subprocess.Popen | None = None) -> None:
    until = time.monotonic() + 300
    while not is_so():
        assert process is None or process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.005)


def workers_in(folder: Path) -> list[str]:
    """Processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text())
        except OSError:  # ended meanwhile, or another user's
            continue
    return found


def test_a_full_disk_is_told_in_one_line_and_the_next_run_finishes(project):
    before = project.data()
    limit = 700_000  # bytes a file: a checkpoint is larger, what DVC itself writes is not
    assert max(len(data) for name, data in before.items() if name.startswith("checkpoints/pair/")) > limit
    project.forget("finetune@pair")
    done = project.dvc(
        *("repro", "--force", "--single-item", "finetune@pair"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode != 0
    told = [line for line in done.stdout.splitlines() if line.startswith("The disk is full")]
    assert len(told) == 1, done.stdout
    assert "data/checkpoints/pair" in told[0]
    assert "Traceback" not in done.stdout
    assert [name for name in project.data() if name.startswith("checkpoints/") and "alone" not in name] == []
    assert project.repro() == {"finetune@pair"}
    assert differing(project.data(), before) == []
