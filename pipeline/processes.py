"""What is to be known of other processes: whether one still runs, which DVC is above us.  Standard library only."""

import ctypes
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "fish", "csh", "tcsh")
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Process:
    """A process, told apart from a later one of the same number by the time it started.

    Attributes:
        pid: its number.
        started: when, without blanks; the same text whenever it is asked for, and another after a reboot.
    """

    pid: int
    started: str

    def is_running(self) -> bool:
        """Whether it has not ended; one that ended and waits for its parent to notice has."""
        seen = _look(self.pid)
        return seen is not None and seen.started == self.started


@dataclass(frozen=True)
class _Seen:
    parent: int
    name: str
    started: str


def this() -> Process:
    """The process that we are."""
    seen = _look(os.getpid())
    return Process(os.getpid(), seen.started if seen else "")


def dvc_above() -> Process:
    """The DVC that started us: our nearest ancestor that is no shell."""
    pid = os.getppid()
    while (seen := _look(pid)) and seen.name in SHELLS:
        pid = seen.parent
    return Process(pid, seen.started if seen else "")


def _look(pid: int) -> _Seen | None:
    """A process that runs; None where there is none."""
    return _from_proc(pid) if BOOT.exists() else _from_ps(pid)


def _from_proc(pid: int) -> _Seen | None:
    # not by ps: it works the time out anew on each call, and may be a second off the last
    with suppress(OSError):
        before, _, after = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
        state, parent, *rest = after.split()
        if state not in "ZX":  # ended
            started = f"{BOOT.read_text()[:8]}-{rest[17]}"  # field 22 of proc(5), in ticks since the boot
            return _Seen(int(parent), before.partition("(")[2], started)
    return None


def _from_ps(pid: int) -> _Seen | None:
    command = ["ps", "-o", "stat=,ppid=,lstart=,comm=", "-p", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    words = found.stdout.split(maxsplit=7)  # lstart is five of them: Tue Nov 25 18:47:01 2025
    if len(words) < 8 or words[0].startswith("Z"):
        return None
    return _Seen(int(words[1]), Path(words[7].strip()).name.lstrip("-"), "-".join(words[2:7]))


def die_with_parent(number: int, parent: int) -> None:
    """Have the kernel send us signal `number` when our parent ends (Linux; elsewhere nothing happens).

    Args:
        number: of the signal.
        parent: the process that is to be our parent; where it has ended before we could ask, we end at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os._exit(1)
