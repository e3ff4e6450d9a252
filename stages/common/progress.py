"""Progress in whole lines, so that it reads the same in a terminal, in a log and in a record of the run."""

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar, overload

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 2.0


@overload
def progress(work: int, label: str) -> Iterator[int]: ...
@overload
def progress(work: Iterable[Item], label: str) -> Iterator[Item]: ...
def progress(work: Iterable[Item] | int, label: str) -> Iterator[Item] | Iterator[int]:
    """Pass the items on, and print step, share done and time left at most every two seconds, and once at the end.

    Work done within two seconds prints nothing. Leaving the loop early prints the closing line all the same.

    Args:
        work: what to go through, or a number of steps.
        label: what is being done, e.g. "invert moongate, seed 0".
    """
    return _reported(range(work) if isinstance(work, int) else work, label)


def _reported(items: Iterable[Item], label: str) -> Iterator[Item]:
    total = len(items) if isinstance(items, Sized) else None
    start = last = time.monotonic()
    done = 0
    try:
        for item in items:
            yield item
            done += 1
            now = time.monotonic()
            if now - last >= SECONDS_BETWEEN_LINES and done != total:
                print(f"{label}: {_line(done, total, now - start)}", flush=True)
                last = now
    finally:
        seconds = time.monotonic() - start
        if seconds >= SECONDS_BETWEEN_LINES:
            of_total = f" of {total}" if total is not None and done != total else ""
            print(f"{label}: {done}{of_total} steps in {clock(seconds)}", flush=True)


def _line(done: int, total: int | None, seconds: float) -> str:
    if total is None:
        return f"{done}, {clock(seconds)} so far"
    left = seconds / done * (total - done)
    return f"{done} of {total} ({done / total:.0%}), {clock(left)} left"


def clock(seconds: float) -> str:
    """Seconds as people say them: "8 s", "3 min 05 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
