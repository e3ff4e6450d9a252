"""A run that lacks something: nothing is computed, or the others are and the report goes without it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.children import Children
from pipeline.mistakes import UnreadyError
from pipeline.readiness import Readiness
from tests.pipeline import runs
from tests.pipeline.runs import eventually, ran, run
from tests.pipeline.server import environment

# Both refuse a run whose name nobody has put below given/, as the project's own do.
READY = """\
import sys
from pathlib import Path

lacking = [key for key in sys.argv[1:] if not Path("given", key).exists()]
with open("asked", "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
for key in sys.argv[1:]:
    text = f"given/{key} is not there"
    if key not in lacking:
        print(f"{key}: ready")
    elif len(sys.argv) == 2:
        sys.exit(text)
    else:
        print(f"{key}: failed: {text}", file=sys.stderr)
sys.exit(f"{len(lacking)} of {len(sys.argv) - 1} failed: {', '.join(lacking)}." if lacking else 0)
"""
GATHER = """\
import sys
from pathlib import Path

failed = False
for key in sys.argv[1:]:
    with open("noted", "a") as file:
        file.write(f"gather@{key} begins\\n")
    if not Path("given", key).exists():
        failed = True
        print(f"{key}: failed: it lacks given/{key}")
        continue
    Path("lessons").mkdir(exist_ok=True)
    Path("lessons", key).write_text(key)
    print(f"{key}: done")
sys.exit(failed)
"""
NOTED = "echo '{} begins' >> noted && mkdir -p rows && "
GRAPH = {
    "draw": {"cmd": "echo 'draw begins' >> noted && echo world > world", "outs": ["world"]},
    "gather": {
        "foreach": "${runs}",
        "do": {
            "cmd": "python stages/gather.py ${key}",
            "params": ["runs.${key}"],
            "outs": ["lessons/${key}"],
            "meta": {"batch": True},
        },
    },
    "measure": {
        "foreach": "${runs}",
        "do": {
            "cmd": NOTED.format("measure@${key}") + "cat world lessons/${key} > rows/${key}",
            "deps": ["lessons/${key}", "world"],
            "outs": ["rows/${key}"],
        },
    },
    "report": {
        "cmd": NOTED.format("report") + "cat rows/* > report",
        "deps": ["rows"],
        "params": ["runs"],
        "outs": ["report"],
        "meta": {"holes": True},
    },
}
LACKING = ["gather@b", "measure@b"]


def lay_out(folder, *given):
    """A project with the runs a, b and c, of which these have what they need."""
    for name in ("stages", "given"):
        (folder / name).mkdir(parents=True)
    (folder / "stages/__init__.py").touch()
    (folder / "stages/ready.py").write_text(READY)
    (folder / "stages/gather.py").write_text(GATHER)
    (folder / "dvc.yaml").write_text(json.dumps({"stages": GRAPH}))
    (folder / "params.yaml").write_text(json.dumps({"runs": {key: {"n": 1} for key in "abc"}}))
    for key in given:
        (folder / "given" / key).touch()
    return runs.begun(folder)


def give(folder, key):
    (folder / "given" / key).touch()


def asked(folder):
    """The keys that each start of stages/ready.py was asked for, since this was last looked at."""
    path = folder / "asked"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def repro(folder, *words):
    """`dvc repro`, whether it comes out well or not."""
    command = ["dvc", "repro", *words]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(lay_out(tmp_path / "project", "a", "c"))
    return Path.cwd()


NAMES = ["draw", *(f"{verb}@{key}" for key in "abc" for verb in ("gather", "measure")), "report"]


def test_runs_that_lack_something_are_told_each_in_its_line_once(project):
    (project / "given/c").unlink()
    readiness = Readiness(NAMES, Children(), keep_going=False)
    with pytest.raises(UnreadyError) as refused:
        readiness.check()
    assert str(refused.value).splitlines()[:-1] == [
        "nothing was computed, since not every run is ready:",
        "  b: given/b is not there",
        "  c: given/c is not there",
    ]
    assert "--keep-going" in str(refused.value)
    readiness.check()
    assert asked(project) == ["a b c"]


def test_what_many_runs_lack_is_told_once_with_the_first_of_them(project):
    text = "print(*(f'{key}: failed: params.yaml: runs.{key}.known says x. params.yaml: runs.{key}.weights says '"
    text += "f'{key in sys.argv[1:3]}.' for key in sys.argv[1:]), sep=chr(10)); sys.exit(1)"
    (project / "stages/ready.py").write_text(f"import sys; {text}")
    with pytest.raises(UnreadyError) as refused:
        Readiness([f"gather@{key}" for key in "abcdef"], Children(), keep_going=False).check()
    assert str(refused.value).splitlines()[1:-1] == [
        "  a, b, c, d and 2 more: known says x.",
        "  a, b: weights says True.",
        "  c, d, e, f: weights says False.",
    ]


def test_a_run_alone_and_a_params_file_that_cannot_be_read_are_told_as_they_are(project):
    with pytest.raises(UnreadyError, match="\n  given/b is not there\n"):
        Readiness(["gather@b"], Children(), keep_going=False).check()
    text = "import sys; print('no answer, retrying'); sys.exit('params.yaml: runs.a.n is no number')"
    (project / "stages/ready.py").write_text(text)
    with pytest.raises(UnreadyError, match="ready:\n  params.yaml: runs.a.n is no number\n"):
        Readiness(NAMES, Children(), keep_going=False).check()


def test_where_all_are_ready_or_no_run_is_among_the_items_nothing_is_told(project):
    Readiness(["draw", "gather@a", "measure@a", "gather@c"], Children(), keep_going=False).check()
    Readiness(["draw", "report"], Children(), keep_going=False).check()
    assert asked(project) == ["a c"]


@pytest.mark.slow
def test_without_keep_going_nothing_is_computed_and_nothing_removed(server, tmp_path):
    folder = lay_out(tmp_path / "project", "a", "b", "c")
    assert run(folder, url=server.url).returncode == 0
    assert ran(folder) == sorted(NAMES) and asked(folder) == ["a b c"]
    assert run(folder, url=server.url).returncode == 0
    assert ran(folder) == asked(folder) == []  # where nothing is stale, nothing is spent

    (folder / "given/b").unlink()
    params = {"runs": {key: {"n": 2} for key in "abc"}}
    (folder / "params.yaml").write_text(json.dumps(params))
    record = runs.recorded(folder)
    refused = run(folder, url=server.url)
    assert refused.returncode == 1
    assert "Failed: nothing was computed, since not every run is ready:\n  b: given/b is not there\n" in refused.said()
    assert "Traceback" not in refused.said()
    assert ran(folder) == [] and (folder / "lessons/a").exists() and runs.recorded(folder) == record
    assert server.closed(refused)["state_name"] == "Failed"

    chosen = run(folder, "measure@a", url=server.url)  # b is not looked at
    assert chosen.returncode == 0, chosen.said()
    assert ran(folder) == ["gather@a"] and asked(folder)[-1] == "a"


@pytest.mark.slow
def test_with_keep_going_the_others_run_and_the_report_without_those_that_lack_something(server, tmp_path):
    folder = lay_out(tmp_path / "project", "a", "c")
    twin = shutil.copytree(folder, tmp_path / "twin")
    process = run(folder, "--keep-going", url=server.url)
    assert process.returncode == 1
    assert "b: given/b is not there" in process.said() and "Traceback" not in process.said()
    states = {name: "Completed" for name in NAMES} | {"gather@b": "Failed", "measure@b": "NotReady"}
    eventually(lambda: runs.states(server, process).items() >= states.items())
    assert runs.messages(server, process)["gather@b"] == "it lacks given/b"
    assert (folder / "report").read_text() == "world\naworld\nc"
    assert ran(folder) == sorted({*NAMES} - {"measure@b"})

    # DVC by itself passes the report over; asked for it alone, it makes the same, and the same record
    assert repro(twin, "--keep-going").returncode != 0
    assert not (twin / "report").exists()
    assert repro(twin, "--single-item", "report").returncode == 0
    assert runs.recorded(twin) == runs.recorded(folder)
    for place in (folder, twin):
        assert_only_what_is_lacking_is_stale(place)

    again = run(folder, "--keep-going", url=server.url)
    assert again.returncode == 1
    eventually(lambda: runs.states(server, again).get("report"), "Cached")
    give(folder, "b")
    give(twin, "b")
    assert run(folder, url=server.url).returncode == 0
    assert ran(folder) == ["gather@b", "gather@b", "measure@b", "report"]
    assert repro(twin).returncode == 0
    assert runs.recorded(twin) == runs.recorded(folder)
    assert (folder / "report").read_text() == "world\naworld\nbworld\nc"
    runs.assert_nothing_left_to_do(folder)
    runs.assert_nothing_left_to_do(twin)


def assert_only_what_is_lacking_is_stale(folder):
    """What DVC thinks of a project whose report was made without one of its runs."""
    assert sorted(json.loads(runs.dvc(folder, "status", "--json"))) == LACKING
    ran(folder)
    assert repro(folder, "--keep-going").returncode != 0
    assert ran(folder) == ["gather@b"]
    done = repro(folder, "--single-item", "report")
    assert done.returncode == 0 and "didn't change" in done.stdout and ran(folder) == []


@pytest.mark.slow
def test_without_keep_going_the_report_is_not_made_where_something_before_it_failed(server, tmp_path):
    folder = lay_out(tmp_path / "project", "a", "b", "c")
    (folder / "stages/gather.py").write_text(GATHER.replace('"given", key', '"lent", key'))  # what nobody can foresee
    process = run(folder, url=server.url)
    assert process.returncode == 1
    eventually(lambda: runs.states(server, process).get("report"), "NotReady")
    assert ran(folder) == ["draw", "gather@a", "gather@b", "gather@c"]
