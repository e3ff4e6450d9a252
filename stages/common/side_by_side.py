"""Independent pieces of work on several cores, for models too small to keep more than one busy.

Matrix products of a tiny model gain nothing from a second thread, but two of its trainings side by side take half the
time. Large models, and GPUs, get one piece after the other and all threads. The results are the same either way: a
piece depends on its own seed alone, and always runs on one thread where the model is small.
"""

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

import torch
from torch.nn import Parameter

from stages.common.failures import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

SMALL = 20_000_000  # parameters; below, one core is enough for one piece
_PR_SET_PDEATHSIG = 1

_work: Callable[[Any], Any]


class Sized(Protocol):
    """What `processes_for` asks of a model; stages/models/contract.py has the rest."""

    device: torch.device

    def parameters_of(self, part: str) -> dict[str, Parameter]:
        """The parameters of a part."""
        ...


def processes_for(model: Sized) -> int:
    """How many pieces to do at once; for a small model on a CPU this process keeps to one thread from now on."""
    parameters = sum(parameter.numel() for parameter in model.parameters_of("both").values())
    if model.device.type != "cpu" or parameters >= SMALL:
        return 1
    torch.set_num_threads(1)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Iterator[Result]:
    """`work` of every item, in the order of the items, `processes` at a time.

    Each process is a fork of this one, so that `work` may hold a model; what it gives back is pickled. What it changes
    in memory is lost.

    Raises:
        UserError: a process died, as the system does to the largest when memory runs out.
    """
    if processes == 1:
        yield from map(work, items)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, context, _adopt, (work, os.getpid())) as pool:
        try:
            yield from pool.map(_do, items)
        except BrokenProcessPool as error:
            raise UserError("a worker process died, perhaps for lack of memory. Run the same again.") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # first: else the pool's thread trips over cancelled work
            for process in multiprocessing.active_children():
                process.terminate()  # they ignore Ctrl-C, and what they work on is of no use any more
            raise


def _adopt(work: Callable[[Any], Any], parent: int) -> None:
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers
    if hasattr(ctypes.CDLL(None), "prctl"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # Linux: no orphans when the parent is killed
        if os.getppid() != parent:
            os._exit(1)
    torch.set_num_threads(1)


def _do(item: Any) -> Any:
    return _work(item)
