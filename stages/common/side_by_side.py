"""Independent pieces of work on several cores, for models too small to keep more than one busy.

Matrix products of a tiny model gain nothing from a second thread, but two of its trainings side by side take half the
time. Large models, and GPUs, get one piece after the other and all threads. The results are the same either way: a
piece depends on its own seed alone, and always runs on one thread where the model is small.
"""

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

import torch
from torch.nn import Parameter

from stages.common.failures import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")
Worker = TypeVar("Worker")

SMALL = 20_000_000  # parameters; below, one core is enough for one piece
ALL_THREADS = torch.get_num_threads()  # before anything here changes it
DIED = "a worker process died, perhaps for lack of memory. Run the same again."
_PR_SET_PDEATHSIG = 1

_work: Callable[[Any], Any]
_can_fork = True  # beside a GPU no longer, once this process has worked itself: autograd's threads cannot be forked


class Sized(Protocol):
    """What `processes_for` asks of a model; stages/models/contract.py has the rest."""

    device: torch.device

    def parameters_of(self, part: str) -> dict[str, Parameter]:
        """The parameters of a part."""
        ...


def processes_for(model: Sized) -> int:
    """How many pieces to do at once; beside a small model on a CPU this process keeps to one thread, else to all.

    Ask before anything is computed with the model: the number of threads may change the last bits of a result.
    """
    parameters = sum(parameter.numel() for parameter in model.parameters_of("both").values())
    if model.device.type != "cpu" or parameters >= SMALL:
        torch.set_num_threads(ALL_THREADS)
        return 1
    torch.set_num_threads(1)
    return len(os.sched_getaffinity(0)) if _can_fork and hasattr(os, "sched_getaffinity") else 1


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Iterator[Result]:
    """`work` of every item, in the order of the items, `processes` at a time.

    Each process is a fork of this one, so that `work` may hold a model; what it gives back is pickled. What it changes
    in memory is lost.

    Raises:
        UserError: a process died, as the system does to the largest when memory runs out.
    """
    if processes == 1:
        _work_here()
        yield from map(work, items)
        return
    with _pool(work, processes) as pool:
        try:
            yield from pool.map(_do, items)
        except BrokenProcessPool as error:
            raise UserError(DIED) from error


def as_made(
    work: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Generator[tuple[Item, Future[Result]]]:
    """Each item with its finished work, or the error that ended it, as soon as it is there; in the order it is there.

    Items are asked for one by one while others are worked on, so that their giver may leave some out. An error is
    that item's own. When a process dies, what was worked on is tried again item by item, each in a new process.
    Close the generator to end work that is not wanted any more.
    """
    if processes == 1:
        _work_here()
        yield from ((item, _tried(work, item)) for item in items)
        return
    todo = iter(items)
    while left := (yield from _pooled(work, todo, processes)):
        for item in left:
            if (yield from _pooled(work, iter([item]), 1)):
                yield item, _tried(_die, item)


def by_workers(
    work: Callable[[Item, Worker], Result], items: Iterable[Item], workers: Sequence[Worker]
) -> Generator[tuple[Item, Future[Result]]]:
    """`as_made` with a thread for each worker, such as a model on a GPU of its own, that takes the next item when free.

    Closing the generator waits for what is worked on.
    """
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def done(item: Item) -> Result:
        worker = free.get()
        try:
            return work(item, worker)
        finally:
            free.put(worker)

    todo, under_way = iter(items), {}
    with ThreadPoolExecutor(len(workers)) as pool:
        while True:
            under_way |= {pool.submit(done, item): item for item in islice(todo, len(workers) - len(under_way))}
            if not under_way:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                yield under_way.pop(future), future


def _pooled(
    work: Callable[[Item], Result], items: Iterator[Item], processes: int
) -> Generator[tuple[Item, Future[Result]], None, list[Item]]:
    """`as_made` until a process dies; gives the items that were worked on then, none at the end of the items."""
    under_way: dict[Future[Result], Item] = {}
    with _pool(work, processes) as pool:
        while True:
            for item in islice(items, 2 * processes - len(under_way)):  # a second for each, so that none has to wait
                under_way[_sent(pool, item)] = item
            if not under_way:
                return []
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                if isinstance(future.exception(), BrokenProcessPool):
                    return list(under_way.values())
                yield under_way.pop(future), future


def _sent(pool: ProcessPoolExecutor, item: Item) -> Future[Any]:
    try:
        return pool.submit(_do, item)
    except BrokenProcessPool as error:  # a process died while nobody looked
        future: Future[Any] = Future()
        future.set_exception(error)
        return future


def _tried(work: Callable[[Item], Result], item: Item) -> Future[Result]:
    future: Future[Result] = Future()
    try:
        future.set_result(work(item))
    except Exception as error:
        future.set_exception(error)
    return future


def _die(_item: Item) -> None:
    raise UserError(DIED)


def _work_here() -> None:
    global _can_fork
    _can_fork = _can_fork and not torch.cuda.is_available()


@contextmanager
def _pool(work: Callable[[Item], Result], processes: int) -> Iterator[ProcessPoolExecutor]:
    """Forks of this process that do `work` of what is sent to `_do`; ended at once when something goes wrong."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, context, _adopt, (work, os.getpid())) as pool:
        try:
            yield pool
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
