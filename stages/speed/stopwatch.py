"""When it is, and what was held at most: on a device that works behind the back of the processor, too."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import torch

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
Clock = Callable[[], float]


def clock_of(device: torch.device) -> Clock:
    """A clock that gives seconds, and waits before until the device has done all that it was asked."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    return now


def forget_peak(device: torch.device) -> None:
    """Begin anew to look for the most memory held; on a CPU only Linux can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif os.access(FORGET, os.W_OK):
        FORGET.write_text("5")  # man 5 proc: the high-water mark falls to what is held now


def peak_bytes(device: torch.device) -> int | None:
    """The most held since `forget_peak`, weights included; None where the system does not say.

    On a GPU that is torch's tensors, on a CPU all of the process with its libraries.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    found = re.search(r"^VmHWM:\s+(\d+) kB$", STATUS.read_text(), re.MULTILINE) if os.access(FORGET, os.W_OK) else None
    return int(found[1]) * 1024 if found else None
