"""A remote of DVC: what one checkout has pushed, a fresh clone fetches instead of running it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.documents import read
from tests.small_project import Project, differing

pytestmark = pytest.mark.slow

RESULT = "data/rows/alone.csv"
FOLDER = "data/checkpoints/alone"
STORE = "files/md5"


@pytest.fixture(scope="module")
def published(finished, tmp_path_factory) -> Project:
    """The finished project in git, its results in a remote: a folder named `remote` beside it."""
    project = finished.copied(tmp_path_factory.mktemp("published") / "project")
    told(project.dvc("remote", "add", "--default", "store", str(project.folder.with_name("remote"))))
    git(project.folder, "add", ".")
    git(project.folder, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "all of it")
    told(project.dvc("push", "--run-cache"))
    return project


@pytest.fixture
def clone(published, tmp_path) -> Project:
    """A fresh clone, without a cache, and a copy of the remote that is its own."""
    clone, remote = Project(tmp_path / "clone"), tmp_path / "remote"
    git(tmp_path, "clone", "--quiet", str(published.folder), str(clone.folder))
    shutil.copytree(published.folder.with_name("remote"), remote)
    told(clone.dvc("remote", "modify", "--local", "store", "url", str(remote)))
    assert clone.data().keys() <= {"README.md", "report/metrics.json"}
    return clone


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True)


def told(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, done.stdout
    return done.stdout


def in_remote(clone: Project, path: str) -> Path:
    """The file of the clone's remote that holds the result of a stage; of a folder, the list of its files."""
    outs = [out for stage in read(clone.folder / "dvc.lock")["stages"].values() for out in stage["outs"]]
    return stored(clone, next(out["md5"] for out in outs if out["path"] == path))


def stored(clone: Project, md5: str) -> Path:
    return clone.folder.with_name("remote") / STORE / md5[:2] / md5[2:]


def test_a_fresh_clone_fetches_every_result_and_runs_nothing(published, clone):
    assert clone.repro("--pull") == set()
    assert differing(published.data(), clone.data()) == []
    assert "up to date" in told(clone.dvc("status"))


def test_an_edit_in_a_fresh_clone_runs_what_depends_on_it_and_fetches_the_rest(published, clone):
    clone.edit(lambda params: params["runs"]["alone"].update(retention_budget=0.5))
    assert clone.repro("--pull") == {"gather@alone", "evaluate@alone", "report"}
    changed = differing(published.data(), clone.data())
    assert [name for name in changed if not name.startswith(("rows/alone.", "report/"))] == []
    assert "up to date" in told(clone.dvc("status"))


def test_a_result_that_the_remote_lacks_is_made_again(published, clone):
    in_remote(clone, RESULT).unlink()
    assert clone.repro("--pull", "evaluate@alone") == {"evaluate@alone"}
    assert clone.data()["rows/alone.csv"] == published.data()["rows/alone.csv"]
    told(clone.dvc("push"))
    assert in_remote(clone, RESULT).exists()


def test_a_folder_that_the_remote_has_in_part_is_an_error_that_names_the_stage_to_run(published, clone):
    files = json.loads(in_remote(clone, FOLDER).read_text())
    stored(clone, next(file["md5"] for file in files if file["relpath"].endswith(".safetensors"))).unlink()
    done = clone.dvc("repro", "--pull", "finetune@alone")
    assert done.returncode != 0
    assert "ERROR: failed to reproduce 'finetune@alone'" in done.stdout
    assert "Traceback" not in done.stdout
    assert clone.repro("--single-item", "finetune@alone") == {"finetune@alone"}
    of_it = {name: content for name, content in published.data().items() if name.startswith("checkpoints/alone/")}
    assert differing(of_it, {name: clone.data()[name] for name in of_it}) == []
