"""Runs one verb of stages/ as a child process: its lines, its signals, its time.  Standard library only.

    python -m pipeline stage VERB [KEY...]

The child leads a process group of its own.  Whoever ends this process (Ctrl-C, kill, or its death without a word)
ends the child with it, so that no stage goes on writing into a folder that DVC believes free.  To use a debugger,
which needs the terminal, start the verb itself: `python -m stages.invert KEY`.
"""

import csv
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType

from pipeline import processes, reporter

TIMINGS = Path("data/timings/stages.csv")
COLUMNS = ("stage", "key", "started", "seconds", "exit_code")
SECONDS_BETWEEN_LOOKS = 0.25
GRACE_S = 10.0  # from the first signal until the group is killed
# Threads that wait for each other must not spin: beside another busy process that is many times slower.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "DVC_NO_ANALYTICS": "1", "TOKENIZERS_PARALLELISM": "false"}
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(verb: str, arguments: Sequence[str], *, timings: Path | None = None) -> int:
    """Run `python -m stages.VERB ARGUMENTS` to its end.

    Args:
        verb: a file of stages/.
        arguments: its arguments, handed on as they are.
        timings: CSV that gets one line about this run; None: no line.

    Returns:
        The child's exit code; 128 + n where signal n ended it, as a shell has it.
    """
    started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    child = _start(verb, arguments)
    if "DVC_STAGE" in os.environ:  # DVC does not end its children when it is killed
        threading.Thread(target=_end_with, args=(processes.dvc_above(),), daemon=True).start()
    shown = reporter.begin(verb)
    code = _follow(child, shown)
    if code < 0:
        print(f"stage {verb} {' '.join(arguments)}: ended by {signal.Signals(-code).name}", file=sys.stderr)
        code = 128 - code
    if shown:
        shown.end(code)
    if timings:
        seconds = f"{time.perf_counter() - clock:.2f}"
        _record(timings, (verb, " ".join(arguments), started, seconds, code))
    return code


def _end_with(dvc: processes.Process) -> None:
    """Ask ourselves to end when DVC has; the kernel would not tell, since a shell that stands between us lives on."""
    while dvc.is_running():
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGTERM)


def _start(verb: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"stages.{verb}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**ENVIRONMENT, **os.environ, "PYTHONUNBUFFERED": "1"},
        process_group=0,
        preexec_fn=partial(processes.die_with_parent, signal.SIGKILL, os.getpid()),
    )


def _follow(child: subprocess.Popen[bytes], shown: reporter.Reporter | None) -> int:
    """Pass on the child's output and our signals until it has ended; its return code."""
    pump = threading.Thread(target=_pump, args=(child.stdout.fileno(), sys.stdout.fileno(), shown))
    pump.start()
    with _forwarding(child.pid):
        code = child.wait()
    _signal_group(child.pid, signal.SIGKILL)  # a process left behind would keep the pipe open, and us waiting
    pump.join()
    return code


def _pump(source: int, goal: int, shown: reporter.Reporter | None) -> None:
    """Copy bytes as they come, until every writer has closed `source`."""
    while chunk := os.read(source, 1 << 16):
        if shown:
            shown.hear(chunk)
        with suppress(OSError):  # the reader of our lines has gone, or its disk is full: the work goes on
            while chunk:
                chunk = chunk[os.write(goal, chunk) :]


@contextmanager
def _forwarding(group: int) -> Iterator[None]:
    """While open, signals that would end us go to the group instead; GRACE_S later it is killed."""

    def forward(number: int, _frame: FrameType | None) -> None:
        _signal_group(group, number)
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)

    def kill(_number: int, _frame: FrameType | None) -> None:
        _signal_group(group, signal.SIGKILL)

    before = {signal.SIGALRM: signal.signal(signal.SIGALRM, kill)}
    for number in FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a shell's background job
            before[number] = signal.signal(number, forward)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _record(path: Path, row: Sequence[object]) -> None:
    """Append a line, whole even where several stages end at once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", newline="", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            writer = csv.writer(file, lineterminator="\n")
            if os.fstat(file.fileno()).st_size == 0:
                writer.writerow(COLUMNS)
            writer.writerow(row)
    except OSError as error:  # a finished stage is not spoilt by its stopwatch
        print(f"{path}: the time of this stage is not recorded: {error}", file=sys.stderr)
