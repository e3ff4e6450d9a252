"""Runs items on this machine: their command as a child, their results recorded as soon as they are there.

A process that works on several keys says `KEY: done` when the results of one of them are whole, and `KEY: failed: WHY`
when there will be none.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import schedule
from pipeline.children import Children
from pipeline.ledger import Item, Ledger
from pipeline.mistakes import UserError
from pipeline.reporter import UNDER_FLOW

FAILED = "failed: "
SIGNALS = 128  # exit code 128 + n: ended by signal n, as a shell has it

Hear = Callable[[str], None]


class Failure(NamedTuple):
    """Why an item failed.

    Attributes:
        name: of the item.
        why: in a line.
        is_crash: whether a signal ended it, as when the run is stopped.
    """

    name: str
    why: str
    is_crash: bool = False


Work = Callable[[Mapping[str, str], Hear], list[Failure]]


class Here:
    """This machine, this checkout.

    Attributes:
        runner: Prefect's, with a thread for each process.
        board: where progress is shown.
        failures: why items failed, by name.
    """

    def __init__(self, ledger: Ledger, children: Children, runner: Any = None, board: Any = None) -> None:
        self.runner = runner
        self.board = board
        self.failures: dict[str, Failure] = {}
        self._ledger = ledger
        self._children = children

    def has(self, item: Item) -> bool:
        """Whether an item's results are recorded."""
        return item.name in self._ledger.finished

    def work(self, items: Sequence[Item]) -> Work:
        """What a task has to do to run these items; see `run`."""
        return partial(self.run, items)

    def run(self, items: Sequence[Item], environment: Mapping[str, str], hear: Hear) -> list[Failure]:
        """Run prepared items of one verb in one process; what has finished is recorded whatever becomes of the rest.

        Args:
            items: those that are finished already are left out, as in a second try.
            environment: added to that of the process.
            hear: gets every line that is printed.

        Returns:
            Those that failed.
        """
        for item in items:
            self.failures.pop(item.name, None)
        try:
            if todo := [item for item in items if not self.has(item) and self._ledger.begin(item.name)]:
                self._run(todo, environment, hear)
        except UserError as stopped:
            lost = [item.name for item in items if not self.has(item)]
            self.failures |= {name: Failure(name, str(stopped), is_crash=True) for name in lost}
        finally:
            for item in items:
                self._ledger.abandon(item.name)
        return [self.failures[item.name] for item in items if item.name in self.failures]

    def _run(self, items: list[Item], environment: Mapping[str, str], hear: Hear) -> None:
        code, last = self._follow(items, environment, hear)
        for item in items:
            if code == 0:
                self._finish(item)
            elif not self.has(item):
                why = f"ended by signal {code - SIGNALS}" if code > SIGNALS else f"exit code {code}"
                self.failures.setdefault(item.name, Failure(item.name, f"{why}: {last}", code > SIGNALS))

    def _follow(self, items: list[Item], environment: Mapping[str, str], hear: Hear) -> tuple[int, str]:
        """The exit code of the process and the last line that it printed."""
        last = "it printed nothing"
        of_key = {item.key: item for item in items if len(items) > 1}

        def heard(line: str) -> None:
            nonlocal last
            last = line
            hear(line)
            key, _, word = line.partition(": ")
            if key in of_key and word == "done":
                self._finish(of_key[key])
            elif key in of_key and word.startswith(FAILED):
                self.failures[of_key[key].name] = Failure(of_key[key].name, word.removeprefix(FAILED))

        own = {"DVC_STAGE": items[0].name, "DVC_ROOT": str(Path.cwd()), UNDER_FLOW: "1", **environment}
        return self._children.run(schedule.command(items), own, heard), last

    def _finish(self, item: Item) -> None:
        if item.name in self._ledger.finished or item.name in self.failures:
            return
        try:
            self._ledger.finish(item.name)
        except UserError as error:
            self.failures[item.name] = Failure(item.name, str(error))
