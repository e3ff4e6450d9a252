"""A real Prefect server as a user has it, `python -m pipeline serve`, and projects that show themselves there."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from pipeline import api, reporter

ROOT = Path(__file__).resolve().parents[2]
GRAPH = """\
stages:
  act:
    foreach: ${things}
    do:
      cmd: python -m pipeline stage act ${key}
      deps:
        - acts/${key}.py
"""


def environment(**more):
    """Ours without a trace of Prefect, with the project's code and Python's programs to be found."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PIPELINE_", "DVC_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    return {**own, "PATH": path, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1", **more}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lay_out(folder, **acts):
    """A DVC project there, with an item `act@KEY` that runs each of these texts of Python."""
    for name in ("stages", "acts"):
        (folder / name).mkdir(parents=True)
    (folder / "stages/__init__.py").touch()
    (folder / "stages/act.py").write_text("import runpy, sys\nrunpy.run_path(f'acts/{sys.argv[1]}.py')\n")
    for key, text in acts.items():
        (folder / f"acts/{key}.py").write_text(f"import os, sys, time\n{text}\n")
    (folder / "params.yaml").write_text("things:\n" + "".join(f"  {key}: {{}}\n" for key in acts))
    (folder / "dvc.yaml").write_text(GRAPH)
    subprocess.run(["dvc", "init", "--quiet", "--no-scm"], cwd=folder, env=environment(), check=True)
    return folder


def dvc(folder, *words, **more):
    """A DVC that runs, in a process group of its own, so that a test may send it a Ctrl-C as a terminal does."""
    return subprocess.Popen(
        ["dvc", *words],
        cwd=folder,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


class Server:
    """`python -m pipeline serve`, and what it knows.

    Attributes:
        folder: the project that it serves.
        url: of its API, as PREFECT_API_URL wants it.
        process: the command itself.
    """

    def __init__(self, folder, port):
        self.folder, self.url = folder, f"http://127.0.0.1:{port}/api"
        command = [sys.executable, "-m", "pipeline", "serve", "--port", str(port)]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait_until_open(self):
        for line in self.process.stdout:
            if line.startswith("Open http"):
                return line
        raise AssertionError(self.process.stderr.read())

    def stop(self, number=signal.SIGINT):
        """Its exit code and what it had left to say."""
        self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=30)
        return self.process.returncode, out, errors

    def flow_runs(self, *tags):
        """Those that have all of these tags, e.g. "pid:1234"."""
        return api.call(self.url, "/flow_runs/filter", {"flow_runs": {"tags": {"all_": list(tags)}}})

    def closed(self, process, seconds=30):
        """The one flow run of a process, once it has a final state."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.flow_runs(f"pid:{process.pid}")
            if found and found[0]["state_type"] in reporter.FINAL:
                assert len(found) == 1
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f"not closed: {found}")

    def task_runs(self, flow_run):
        """Those of a flow run, by name."""
        found = api.call(self.url, "/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run["id"]]}}})
        return {task["name"]: task for task in found}

    def lines(self, task_run):
        """What a task run has printed, in the order in which the UI shows it."""
        of_task, found = {"task_run_id": {"any_": [task_run["id"]]}}, []
        while page := api.call(
            self.url, "/logs/filter", {"logs": of_task, "sort": "TIMESTAMP_ASC", "offset": len(found)}
        ):
            found += [line["message"] for line in page]
        return found


@contextmanager
def running(folder, port=None):
    """A server that is open, until the end of the block."""
    server = Server(folder, port or free_port())
    try:
        server.wait_until_open()
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
