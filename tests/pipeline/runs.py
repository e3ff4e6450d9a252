"""`python -m pipeline run` as a user has it, in small projects of a real DVC, and what a server knows of it after."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import chdir
from pathlib import Path

from pipeline import api
from pipeline.documents import read
from tests.pipeline.server import environment

# What every item begins with: it notes when it ran, and may wait for others.
ACT = """\
import os, signal, sys, time
from pathlib import Path

ME = Path(sys.argv[0]).stem

def note(word, name=ME):
    with open("noted", "a") as file:
        file.write(f"{name} {word} {os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES', '')}\\n")

def mark(name):
    Path("marks", name).touch()

def wait_for(*names):
    until = time.monotonic() + 100
    while not all(Path("marks", name).exists() for name in names):
        if time.monotonic() > until:
            sys.exit(f"nobody marked {names}")
        time.sleep(0.02)

"""
# An item that takes several keys, as stages with `meta: batch` do.
PRESS = """\
failed = False
note("shares", ",".join(sys.argv[1:]))
for n, key in enumerate(sys.argv[1:]):
    note("begins", key)
    text = Path("texts", key).read_text()
    if text == "bad":
        print(f"{key}: failed: nobody presses what is bad", flush=True)
        failed = True
        continue
    if n == 2 and Path("marks/killed").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    Path("pressed").mkdir(exist_ok=True)
    Path("pressed", key).write_text(f"pressed {text}")
    print(f"{key}: done", flush=True)
sys.exit(failed)
"""


def stage(code, needs=(), under_stage=False, **meta):
    """A stage of dvc.yaml whose command runs this Python and leaves out/NAME; `lay_out` takes it."""
    return {"code": code, "needs": needs, "under_stage": under_stage, "meta": meta}


def lay_out(folder, **stages):
    """A DVC project there with these stages: `stage(...)`, or just the code of one."""
    for name in ("stages", "marks", "out"):
        (folder / name).mkdir(parents=True)
    (folder / "stages/__init__.py").touch()
    graph = {}
    for name, told in stages.items():
        told = told if isinstance(told, dict) else stage(told)
        file = f"stages/{name}.py"
        end = 'note("ends")\nPath("out", ME).write_text(ME)\n'
        (folder / file).write_text(f'{ACT}note("begins")\n{told["code"]}\n{end}')
        graph[name] = {
            "cmd": f"python -m pipeline stage {name}" if told["under_stage"] else f"python {file}",
            "deps": [file, *(f"out/{need}" for need in told["needs"])],
            "outs": [f"out/{name}"],
            "meta": told["meta"],
        }
    (folder / "dvc.yaml").write_text(json.dumps({"stages": graph}, indent=1))
    return begun(folder)


def lay_out_press(folder, **texts):
    """A DVC project with an item `press@KEY` for each text; they may share a process."""
    for name in ("stages", "marks", "texts"):
        (folder / name).mkdir(parents=True)
    (folder / "stages/press.py").write_text(ACT + PRESS)
    for key, text in texts.items():
        (folder / "texts" / key).write_text(text)
    one = {
        "cmd": "python stages/press.py ${key}",
        "deps": ["stages/press.py", "texts/${key}"],
        "outs": ["pressed/${key}"],
        "meta": {"batch": True},
    }
    (folder / "dvc.yaml").write_text(json.dumps({"stages": {"press": {"foreach": "${keys}", "do": one}}}, indent=1))
    (folder / "params.yaml").write_text(json.dumps({"keys": {key: {} for key in texts}}))
    return begun(folder)


def begun(folder):
    """The folder, with a DVC repository."""
    subprocess.run(["dvc", "init", "--quiet", "--no-scm"], cwd=folder, env=environment(), check=True)
    return folder


def start(folder, *words, url, **more):
    """A `pipeline run` at work, in a process group of its own."""
    return begin(folder, sys.executable, "-m", "pipeline", "run", *words, PREFECT_API_URL=url, **more)


def begin(folder, *words, **more):
    """A command at work; `said` is what it has printed so far."""
    log = folder.with_name(f"{folder.name}-{time.monotonic_ns()}.log")
    with log.open("w") as file:
        process = subprocess.Popen(
            words, cwd=folder, env=environment(**more), stdout=file, stderr=file, text=True, process_group=0
        )
    process.said = log.read_text
    return process


def ended(process, seconds=120):
    """Its exit code, once it has ended."""
    return process.wait(timeout=seconds)


def run(folder, *words, url, **more):
    """A `pipeline run` that has ended."""
    process = start(folder, *words, url=url, **more)
    ended(process)
    return process


def eventually(look, expected=None, seconds=30):
    """Wait until `look` gives what is expected, or anything that is true; Prefect's server is told of tasks late."""
    until = time.monotonic() + seconds
    while True:
        seen = look()
        if (seen == expected) if expected is not None else seen:
            return seen
        if time.monotonic() > until:
            raise AssertionError(f"{seen} is not {expected or 'there'}")
        time.sleep(0.1)


def noted(folder, word):
    """Names of items that noted this, in that order."""
    path = folder / "noted"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split()[0] for line in lines if line.split()[1] == word]


def ran(folder):
    """Names of items that began to run since this was last asked, sorted."""
    names = sorted(noted(folder, "begins"))
    (folder / "noted").unlink(missing_ok=True)
    return names


def recorded(folder):
    """What dvc.lock says, whatever ended first."""
    return read(folder / "dvc.lock")


def mark(folder, name):
    (folder / "marks" / name).touch()


def is_marked(folder, name):
    return (folder / "marks" / name).exists()


def left_behind(folder):
    """Commands that still work in a folder, but for the one that closes the flow run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = (process / "cwd").readlink() == folder.resolve()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            command = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if here and state not in "ZX" and "pipeline.watch" not in command:
            found.append(command)
    return found


def assert_nothing_left_to_do(folder):
    """`dvc status` is clean, and `dvc repro` runs nothing."""
    from dvc.repo import Repo

    with chdir(folder):
        repo = Repo()
        assert repo.status() == {}
        assert repo.reproduce() == []


def dvc(folder, *words):
    """A DVC command that has ended well; what it printed."""
    return subprocess.run(
        ["dvc", *words], cwd=folder, env=environment(), check=True, capture_output=True, text=True
    ).stdout


def states(server, process):
    """Names of states by name of task run."""
    return {name: task["state_name"] for name, task in server.task_runs(server.closed(process)).items()}


def messages(server, process):
    """Messages of states by name of task run."""
    return {name: task["state"]["message"] for name, task in server.task_runs(server.closed(process)).items()}


def counted(server, process):
    """How many task runs are in each state."""
    return Counter(states(server, process).values())


def edges(server, process):
    """Which task run follows which, as (first, second), of what the UI draws."""
    graph = api.call(server.url, f"/flow_runs/{server.closed(process)['id']}/graph-v2", method="GET")
    label = {node["id"]: node["label"] for _, node in graph["nodes"]}
    return {(label[parent["id"]], node["label"]) for _, node in graph["nodes"] for parent in node["parents"]}


def artifacts(server, process, name=None):
    """Those of a task run by key, or of the flow run itself where no name is told."""
    flow_run = server.closed(process)
    wanted = {"flow_run_id": {"any_": [flow_run["id"]]}}
    found = api.call(server.url, "/artifacts/filter", {"artifacts": wanted, "limit": 200})
    task_run = server.task_runs(flow_run)[name]["id"] if name else None
    return {one["key"]: one for one in found if one["task_run_id"] == task_run}


def interrupt(process, number=signal.SIGINT):
    """Send a signal to the whole group, as a terminal does at Ctrl-C."""
    os.killpg(process.pid, number)
