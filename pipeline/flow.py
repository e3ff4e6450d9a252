"""The graph of DVC as a Prefect flow: a task run for each stage item, with its state, its lines and what it made.

dvc.yaml stays the only place where the graph is written, and DVC decides what is out of date.  Items that are as they
should be are noted without a process; stale ones of a verb that takes several keys (`meta: batch`) share one.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import FrameType
from typing import TYPE_CHECKING

from prefect import flow, get_run_logger
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL
from prefect.states import Failed, State
from prefect.task_runners import ThreadPoolTaskRunner

from pipeline import artifacts, ledger, reporter
from pipeline.board import Board
from pipeline.checkout import alone
from pipeline.children import Children
from pipeline.driver import CRASHED, FAILED, Driver, Limits, Place
from pipeline.elsewhere import Elsewhere
from pipeline.here import Here
from pipeline.ledger import Item, Ledger
from pipeline.mistakes import UnreadyError, UserError
from pipeline.readiness import Readiness
from pipeline.run import BATCH

if TYPE_CHECKING:
    from prefect_dask import DaskTaskRunner

STOPPED = 130  # as a shell has it for what Ctrl-C ended


@flow(name="pipeline run", flow_run_name=lambda: f"pipeline run {datetime.now():%H:%M:%S}", validate_parameters=False)
def run(
    targets: Sequence[str] = (),
    jobs: int | None = None,
    batch: int = BATCH,
    dask: str | None = None,
    keep_going: bool = False,
) -> State:
    """Bring every item that is out of date up to date.

    Args:
        targets: stages ("invert") or items ("invert@world-moongate"), with what they need; all unless told.
        jobs: processes side by side; unless told one for each GPU, and two where there is none.
        batch: items that share a process, at most.
        dask: address of a Dask scheduler whose workers run the items, each in a clone of its own.
        keep_going: where runs lack something, the others run, and what takes holes (`meta: holes`) runs without them;
            else nothing is computed then.

    Returns:
        Completed or Failed, with the number of items in each state; Crashed where it was stopped by a signal.
    """
    flow_run = FlowRunContext.get().flow_run.id
    reporter.watch_over(str(flow_run))
    board = Board(str(PREFECT_API_URL.value()), flow_run)
    try:
        state = _run(board, targets, jobs, batch, dask, keep_going)
    except (UserError, UnreadyError) as mistake:  # told in one line, without a traceback
        state = Failed(message=str(mistake))
    board.close()
    if not board.is_up:
        _leave(state)
    return state


def exit_code(state: State) -> int:
    """What a process ends with for the state of a run."""
    return 0 if state.is_completed() else STOPPED if state.is_crashed() else 1


def _leave(state: State) -> None:
    """End this process: Prefect would try for minutes to reach its server, and then call the run a failure."""
    print(f"{state.name}: {state.message}", flush=True)
    os._exit(exit_code(state))


def _run(
    board: Board, targets: Sequence[str], jobs: int | None, batch: int, dask: str | None, keep_going: bool
) -> State:
    with ExitStack() as open_now:
        open_now.enter_context(alone())
        book = open_now.enter_context(ledger.opened(targets))
        gpus, children = gpus_here(), Children()
        jobs = jobs or len(gpus) or 2
        here = Here(book, children, open_now.enter_context(ThreadPoolTaskRunner(max_workers=jobs)), board)
        limits, place_of = Limits(jobs, batch, max(1, len(gpus)), tuple(gpus)), (lambda _item: here)
        if dask:
            runner = open_now.enter_context(_connected(dask))
            limits, place_of = _cluster(runner, book, here, batch)
        driver = Driver(book, board, place_of, limits, Readiness(book.items, children, keep_going=keep_going))
        with stopping(driver.stop, book.stop, children.end):
            driver.to_the_end()
        for name, (how, why) in driver.outcomes.items():
            if how in (FAILED, CRASHED):
                get_run_logger().error("%s %s: %s", name, how.lower(), why)
        artifacts.of_run(board, book.items, driver.outcomes)
    return driver.state()


@contextmanager
def _connected(address: str) -> "Iterator[DaskTaskRunner]":
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise UserError("--dask needs the package prefect-dask, which requirements.lock has: make install") from error
    with ExitStack() as open_now:
        try:
            runner = open_now.enter_context(DaskTaskRunner(address=address))
            runner.client.scheduler_info()  # it connects only when it is asked for something
        except (OSError, ValueError) as error:
            raise UserError(f"--dask {address}: no scheduler of Dask answers there ({error}).") from error
        yield runner


def _cluster(runner: "DaskTaskRunner", book: Ledger, here: Here, batch: int) -> tuple[Limits, Callable[[Item], Place]]:
    """Every worker runs one batch at a time; what DVC's cache cannot carry stays here."""
    workers = len(runner.client.scheduler_info(n_workers=-1)["workers"])
    if not workers:
        raise UserError(f"The Dask scheduler at {runner.client.scheduler.address} has no workers.")
    elsewhere = Elsewhere(book, runner)
    return Limits(workers, batch, workers), lambda item: elsewhere if item.can_travel else here


@contextmanager
def stopping(*stops: Callable[[], None]) -> Iterator[None]:
    """While open, Ctrl-C and SIGTERM call `stops` instead of raising an error wherever we are."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        print("Stopping; what has finished is kept ...", flush=True)
        for one in stops:
            threading.Thread(target=one).start()

    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not ours
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def gpus_here() -> list[str]:
    """Ids of the GPUs that may be used, as CUDA_VISIBLE_DEVICES has them."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [device for device in visible.split(",") if device.strip() not in ("", "-1")]  # -1: none
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [str(number) for number, _ in enumerate(listed.stdout.splitlines())]
