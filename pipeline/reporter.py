"""Shows a stage that DVC runs in the UI of a Prefect server, where there is one.  Standard library only.

One flow run for each `dvc repro`, in it a task run for each stage item, with its lines and its state.  All requests are
made beside the stage, by a thread: a server that is down or slow costs one line and a few seconds, never the stage.
"""

import os
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from signal import Signals
from typing import Any

from pipeline.api import HOME, UnansweredError, address, call, made
from pipeline.processes import Process, dvc_above, this

SILENT = HOME / "silent"  # the DVC process whose server kept us waiting, so that its next stages need not wait
UNDER_FLOW = "PIPELINE_FLOW_RUN"  # set by `pipeline run`, which reports for itself
DVC_REPRO = "dvc repro"  # name of the flow, and tag of its runs

END_S = 5.0  # for what is left to send when a stage has ended
SECONDS_BETWEEN_LOGS = 1.0
LINES_AT_ONCE = 500
LINES_KEPT = 5000  # of those not sent yet; a stage that prints faster than the server writes loses the oldest
LINE_BYTES = 1 << 16  # longer ones are cut in pieces

FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
COMPLETED = {"type": "COMPLETED", "name": "Completed"}
CANCELLED = {"type": "CANCELLED", "name": "Cancelled", "message": "as asked"}
RUNNING = {"type": "RUNNING", "name": "Running"}
KILLED = {"type": "CRASHED", "name": "Crashed", "message": "its process was killed"}


def begin(verb: str) -> "Reporter | None":
    """A reporter of the stage item that DVC has us run; None where nobody would see it.

    Args:
        verb: its stage, "invert"; the item's name is that of the environment's DVC_STAGE.
    """
    url = address()
    if url is None or "DVC_STAGE" not in os.environ or UNDER_FLOW in os.environ:
        return None
    dvc = dvc_above()
    return None if _kept_waiting(dvc) else Reporter(url, verb, os.environ["DVC_STAGE"], dvc)


def _kept_waiting(dvc: Process) -> bool:
    with suppress(OSError):
        return SILENT.read_text(encoding="utf-8") == _mark(dvc)
    return False


def _mark(process: Process) -> str:
    return " ".join(_tags(process))


class Reporter:
    """One task run: its lines as they come, its state at the end.  Nothing here raises an error or waits for long.

    Args:
        url: of the API.
        verb: of the stage.
        item: of the stage, "invert@world-moongate".
        dvc: the process that runs it.
    """

    def __init__(self, url: str, verb: str, item: str, dvc: Process) -> None:
        self._url, self._verb, self._item, self._dvc = url, verb, item, dvc
        self._ids: dict[str, str] = {}  # of flow run and task run, once they are made
        self._lines: deque[dict[str, Any]] = deque(maxlen=LINES_KEPT)
        self._rest, self._clock = b"", datetime.now(UTC)
        self._state: dict[str, str] = {}
        self._has_ended, self._given_up = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._report, daemon=True)
        self._thread.start()

    def hear(self, chunk: bytes) -> None:
        """Take what the stage printed."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_BYTES:
            whole, self._rest = [*whole, self._rest], b""
        for line in whole:
            self._keep(line)

    def end(self, code: int) -> None:
        """Send the state that an exit code stands for, and the lines that are left."""
        self._keep(self._rest)
        self._state = final_state(code)
        self._has_ended.set()
        with suppress(KeyboardInterrupt):  # whoever presses Ctrl-C again will not wait
            self._thread.join(END_S)
        if self._thread.is_alive():
            self._give_up(UnansweredError("it takes too long", is_slow=True))

    def _keep(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip().rpartition("\r")[2]  # what a progress bar showed last
        if text and not self._given_up.locked():
            # Prefect sorts lines by their time, so no two have the same
            self._clock = max(datetime.now(UTC), self._clock + timedelta(microseconds=1))
            self._lines.append({"name": "stage", "level": 20, "message": text, "timestamp": self._clock.isoformat()})

    def _report(self) -> None:
        """All that is sent, one after the other; the state before lines that still wait, should time be short."""
        try:
            self._open()
            while not self._has_ended.wait(SECONDS_BETWEEN_LOGS):
                while self._lines and not self._has_ended.is_set():
                    self._send()
            _set_state(self._url, "task_runs", self._ids["task_run_id"], self._state)
            while self._lines:
                self._send()
        except UnansweredError as reason:
            self._give_up(reason)

    def _open(self) -> None:
        flow_run = _flow_run(self._url, self._dvc)
        key = {"task_key": self._verb, "dynamic_key": f"{self._item}-{os.getpid()}"}
        task = {**key, "flow_run_id": flow_run, "name": self._item, "tags": [self._verb], "state": RUNNING}
        self._ids = {"flow_run_id": flow_run, "task_run_id": made(self._url, "/task_runs/", task)}

    def _send(self) -> None:
        batch = [self._lines.popleft() for _ in range(min(len(self._lines), LINES_AT_ONCE))]
        call(self._url, "/logs/", [{**line, **self._ids} for line in batch])

    def _give_up(self, reason: UnansweredError) -> None:
        if self._given_up.acquire(blocking=False):  # never released: once is enough
            what = "the rest of this stage" if self._ids else "this stage"
            sys.stderr.write(f"{self._url}: {reason}; Prefect does not show {what}.\n")
            if reason.is_slow:
                with suppress(OSError):
                    HOME.mkdir(exist_ok=True)
                    SILENT.write_text(_mark(self._dvc), encoding="utf-8")


def final_state(code: int) -> dict[str, str]:
    """The state of a task run whose process ended with this exit code, as a shell has it."""
    if code == 0:
        return COMPLETED
    with suppress(ValueError):
        return {"type": "CRASHED", "name": "Crashed", "message": f"ended by {Signals(code - 128).name}"}
    return {"type": "FAILED", "name": "Failed", "message": f"exit code {code}"}


def _flow_run(url: str, dvc: Process) -> str:
    """The flow run of a DVC process; whoever asks first makes it, and has it closed when DVC ends."""
    flow = made(url, "/flows/", {"name": DVC_REPRO})
    wanted = {"flow_id": flow, "name": f"{DVC_REPRO} {datetime.now():%H:%M:%S}", "idempotency_key": _mark(dvc)}
    flow_run = made(url, "/flow_runs/", {**wanted, "tags": [DVC_REPRO, *_tags(dvc)], "state": RUNNING})
    if not call(url, "/task_runs/count", _of(flow_run)):
        _watch(url, flow_run, dvc)
    return flow_run


def _of(flow_run: str) -> dict[str, Any]:
    return {"flow_runs": {"id": {"any_": [flow_run]}}}


def _tags(process: Process) -> list[str]:
    return [f"host:{os.uname().nodename}", f"pid:{process.pid}", f"started:{process.started}"]


def _set_state(url: str, kind: str, which: str, state: dict[str, str]) -> None:
    call(url, f"/{kind}/{which}/set_state", {"state": state, "force": True})


def watch_over(flow_run: str) -> None:
    """Have a flow run of this very process closed, should the process end without giving it its last state."""
    if url := address():
        with suppress(UnansweredError):
            tags = call(url, f"/flow_runs/{flow_run}", method="GET")["tags"]
            call(url, f"/flow_runs/{flow_run}", {"tags": [*tags, *_tags(this())]}, method="PATCH")
        _watch(url, flow_run, this())


def _watch(url: str, flow_run: str, process: Process) -> None:
    """Start the process that closes the flow run; neither DVC nor one that is killed has a place for a last word."""
    subprocess.Popen(
        [sys.executable, "-m", "pipeline.watch", url, flow_run, str(process.pid), process.started],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def close_dead(url: str) -> None:
    """Close the flow runs of processes of this machine that have ended while nobody watched, say by a reboot.

    Args:
        url: of the API.

    Raises:
        UnansweredError: see `call`.
    """
    here = {"state": {"type": {"any_": ["RUNNING"]}}, "tags": {"all_": _tags(this())[:1]}}
    for flow_run in _all(url, "/flow_runs/filter", {"flow_runs": here}):
        words = dict(tag.partition(":")[::2] for tag in flow_run["tags"])
        pid, started = words.get("pid", ""), words.get("started", "")
        if pid.isdigit() and started and not Process(int(pid), started).is_running():
            close(url, flow_run["id"])


def is_at_work(url: str, flow_run: str) -> bool:
    """Whether a task run of a flow run still says that it runs; errors as those of `call`."""
    return any(task["state_type"] == "RUNNING" for task in _all(url, "/task_runs/filter", _of(flow_run)))


def close(url: str, flow_run: str) -> None:
    """Give a flow run whose process has ended its last state; one that has a final state is left alone.

    Tasks that still run have lost their process as well, and a flow run of `pipeline run` without a last word was
    killed.  DVC never says a last word, so its runs are as good as their tasks.

    Args:
        url: of the API.
        flow_run: its id.

    Raises:
        UnansweredError: see `call`.
    """
    run = call(url, f"/flow_runs/{flow_run}", method="GET")
    if run["state_type"] in FINAL:
        return
    tasks = _all(url, "/task_runs/filter", _of(flow_run))
    lost = [task["id"] for task in tasks if task["state_type"] not in FINAL]
    bad = [task["name"] for task in tasks if task["state_type"] != "COMPLETED"]
    for task in lost:
        _set_state(url, "task_runs", task, KILLED)
    if run["state_type"] == "CANCELLING":
        _set_state(url, "flow_runs", flow_run, CANCELLED)
        return
    state = {"type": "FAILED", "name": "Failed", "message": f"not done: {', '.join(bad)}"} if bad else COMPLETED
    _set_state(url, "flow_runs", flow_run, KILLED if lost or DVC_REPRO not in run["tags"] else state)


def _all(url: str, path: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """All that a filter finds; the server answers with 200 at a time."""
    found: list[dict[str, Any]] = []
    while page := call(url, path, {**wanted, "offset": len(found)}):
        found += page
    return found
