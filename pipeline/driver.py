"""Drives a run: hands out what is ready, and notes what became of each item as a task run of Prefect."""

import queue
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from prefect import get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import StateDetails
from prefect.context import TaskRunContext
from prefect.futures import PrefectFuture
from prefect.states import Completed, Crashed, Failed, State
from prefect.task_runners import TaskRunner
from prefect.tasks import Task

from pipeline import artifacts
from pipeline.board import Board
from pipeline.here import Failure, Work
from pipeline.ledger import CACHED, RESTORED, Item, Ledger
from pipeline.mistakes import UserError
from pipeline.readiness import Readiness
from pipeline.schedule import Schedule, batches

MEANING = {CACHED: "unchanged since it ran", RESTORED: "from the run cache: it ran on the same before"}
COMPLETED, FAILED, CRASHED, NOT_READY = "Completed", "Failed", "Crashed", "NotReady"
SECONDS_BETWEEN_TRIES = 5


class Place(Protocol):
    """Where items run.

    Attributes:
        runner: Prefect's, which takes the task there.
        board: where progress is shown; None where it cannot be reached.
        failures: why items failed, by name; of those that it knows of.
    """

    runner: TaskRunner[Any]
    board: Board | None
    failures: Mapping[str, Failure]

    def work(self, items: Sequence[Item]) -> Work:
        """What the task has to do; it gives back the items that failed."""
        ...

    def has(self, item: Item) -> bool:
        """Whether an item that ran here has its results recorded."""
        ...


@dataclass(frozen=True)
class Limits:
    """How much at once.

    Attributes:
        jobs: processes side by side.
        batch: items that share a process.
        spread: processes over which the stale items of a verb are spread, where it takes several.
        gpus: ids of GPUs, each for one process at a time; empty where there is none.
    """

    jobs: int
    batch: int
    spread: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Items that share a process, and the GPU that it has to itself."""

    items: tuple[Item, ...]
    place: Place
    gpu: str | None


class Driver:
    """One run of the graph.

    Attributes:
        outcomes: the state and a word about it, for every item that was looked at.
    """

    def __init__(
        self, book: Ledger, board: Board, place_of: Callable[[Item], Place], limits: Limits, readiness: Readiness
    ) -> None:
        self.outcomes: dict[str, tuple[str, str]] = {}
        self._book, self._board, self._place_of, self._limits = book, board, place_of, limits
        self._readiness = readiness
        self._free = list(limits.gpus)
        self._schedule = Schedule(book.items.values(), keep_going=readiness.keep_going)
        self._stale: list[Item] = []
        self._running: dict[UUID, Batch] = {}
        self._task_runs: dict[str, UUID] = {}  # by item: the ends of the edges in the UI
        self._ended: queue.SimpleQueue[PrefectFuture[Any] | None] = queue.SimpleQueue()
        self._is_stopped = False

    def stop(self) -> None:
        """Start nothing more; may be called from another thread."""
        self._is_stopped = True
        self._ended.put(None)

    def to_the_end(self) -> None:
        """Go on until every item is done, failed or dropped; after `stop`, until nothing runs any more.

        Raises:
            UnreadyError: a run lacks something; then nothing was computed.
        """
        while not self._schedule.is_over and not (self._is_stopped and not self._running):
            if not self._is_stopped:
                self._look_at_what_is_ready()
                self._start()
            if self._running and (ended := self._ended.get()):
                self._take_back(ended)

    def state(self) -> State:
        """The state of the whole, with the number of items in each state."""
        counted = Counter(how for how, _ in self.outcomes.values())
        text = ", ".join(f"{n} {how}" for how, n in counted.items()) or "nothing to do"
        if self._is_stopped:
            return Crashed(message=f"stopped; {text}")
        return Failed(message=text) if counted[FAILED] + counted[CRASHED] else Completed(message=text)

    def _look_at_what_is_ready(self) -> None:
        while ready := self._schedule.ready():
            for item in ready:
                try:
                    how = self._book.prepare(item.name, self._readiness.check)
                except UserError as error:
                    self._failed(item, Failure(item.name, str(error)))
                    continue
                if how:
                    self._done(item, how, MEANING[how])
                else:
                    self._stale.append(item)

    def _start(self) -> None:
        for items in self._groups():
            wants_gpu = bool(self._limits.gpus and items[0].hints.get("gpu"))
            if len(self._running) < self._limits.jobs and (self._free or not wants_gpu):
                self._submit(Batch(tuple(items), self._place_of(items[0]), self._free.pop() if wants_gpu else None))

    def _groups(self) -> list[list[Item]]:
        """Stale items as they are to share processes; a batch waits for all of its verb that may still come."""
        groups: list[list[Item]] = []
        held: list[Item] = []
        for verb in dict.fromkeys(item.verb for item in self._stale):
            items = [item for item in self._stale if item.verb == verb]
            if not items[0].hints.get("batch"):
                groups += [[item] for item in items]
            elif self._schedule.may_grow(verb):
                held += items
            else:
                groups += batches(items, self._limits.spread, self._limits.batch)
        if not groups and not self._running:  # what may still come waits for these
            groups = [[item] for item in held]
        return groups

    def _submit(self, batch: Batch) -> None:
        first, n = batch.items[0], len(batch.items)
        task = Task(
            _work,
            name=first.verb,
            task_run_name=first.name if n == 1 else f"{first.verb} ({n} items)",
            retries=first.hints.get("retries", 0),
            retry_delay_seconds=SECONDS_BETWEEN_TRIES,
            cache_policy=NO_CACHE,
        )
        environment = {"CUDA_VISIBLE_DEVICES": batch.gpu} if batch.gpu else {}
        work, board = batch.place.work(batch.items), batch.place.board
        given = {"work": work, "items": batch.items, "environment": environment, "board": board}
        follows = [_well(run) for run in self._needs(*batch.items)]
        future = batch.place.runner.submit(task, parameters=given, wait_for=follows)
        self._running[future.task_run_id] = batch
        self._stale = [item for item in self._stale if item not in batch.items]
        future.add_done_callback(self._ended.put)

    def _needs(self, *items: Item) -> list[UUID]:
        """Task runs that items follow, each once."""
        names = [need for item in items for need in item.needs]
        return list(dict.fromkeys(self._task_runs[name] for name in names if name in self._task_runs))

    def _take_back(self, future: PrefectFuture[Any]) -> None:
        future.wait()  # it has ended; this fetches its state
        batch = self._running.pop(future.task_run_id)
        if batch.gpu:
            self._free.append(batch.gpu)
        others = len(batch.items) - 1
        for item in batch.items:
            if not others:
                self._task_runs[item.name] = future.task_run_id
            if batch.place.has(item):
                self._done(item, COMPLETED, f"it ran with {others} others" if others else "it ran", future)
            else:
                unknown = Failure(item.name, future.state.message or "it did not run", future.state.is_crashed())
                self._failed(item, batch.place.failures.get(item.name, unknown), future)

    def _done(self, item: Item, how: str, message: str, ran_in: PrefectFuture[Any] | None = None) -> None:
        self._note(item, how, message, ran_in)
        if how != CACHED:
            artifacts.of_item(self._board, item, self._task_runs[item.name])
        self._schedule.done(item.name)

    def _failed(self, item: Item, failure: Failure, ran_in: PrefectFuture[Any] | None = None) -> None:
        self._note(item, CRASHED if failure.is_crash else FAILED, failure.why, ran_in)
        for name in self._schedule.failed(item.name):
            self._note(self._book.items[name], NOT_READY, f"follows {item.name}")

    def _note(self, item: Item, how: str, message: str, ran_in: PrefectFuture[Any] | None = None) -> None:
        self.outcomes[item.name] = how, message
        if item.name not in self._task_runs:  # else it has had a task run to itself
            follows = [ran_in.task_run_id] if ran_in else self._needs(item)
            self._task_runs[item.name] = self._board.note(item.verb, item.name, (how, message), follows)


def _well(task_run: UUID) -> State:
    """What Prefect takes for a task run that has come out well."""
    return Completed(data=True, state_details=StateDetails(task_run_id=task_run))


def _work(work: Work, items: Sequence[Item], environment: Mapping[str, str], board: Board | None) -> State | None:
    """The body of a task: run items, their lines into its log."""
    title, say = items[0].name if len(items) == 1 else items[0].verb, get_run_logger().info
    task_run = TaskRunContext.get().task_run.id
    with artifacts.progress(board, title, task_run) if board else nullcontext(lambda _line: None) as count:
        failed = work(environment, lambda line: (say(line), count(line)))
    if not failed:
        return None
    message = failed[0].why if len(items) == 1 else "; ".join(f"{one.name}: {one.why}" for one in failed)
    return (Crashed if all(one.is_crash for one in failed) else Failed)(message=message)
