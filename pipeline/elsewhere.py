"""Runs items on the workers of a Dask cluster, each in a clone of its own.

Nothing of the driver's checkout is written by a worker.  An order takes params.yaml and dvc.lock there; the inputs and
the results travel through DVC's cache, which driver and workers share, and its run cache tells the driver what it has
got back.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import ledger
from pipeline.checkout import alone
from pipeline.children import Children
from pipeline.here import Failure, Hear, Here, Work
from pipeline.ledger import Item, Ledger
from pipeline.mistakes import UserError

SENT = ("params.yaml", "dvc.lock")


@dataclass(frozen=True)
class Order:
    """What a worker needs to know.

    Attributes:
        names: of the items to run.
        files: texts that its clone must have, by path.
        reads: what each item reads, by path, as digests; its clone must read the same.
        driver: the checkout that the order comes from; nobody works there but the driver.
    """

    names: tuple[str, ...]
    files: Mapping[str, str]
    reads: Mapping[str, Mapping[str, str]]
    driver: tuple[str, str]


class Elsewhere:
    """The workers of a Dask cluster.

    Attributes:
        runner: Prefect's, connected to the cluster.
        board: none; a worker does not reach the driver's.
        failures: none; the states of the tasks have them.
    """

    board = None

    def __init__(self, book: Ledger, runner: Any) -> None:
        self.runner = runner
        self.failures: dict[str, Failure] = {}
        self._book = book

    def has(self, item: Item) -> bool:
        """Whether an item's results are recorded, or can be fetched from the cache now."""
        return item.name in self._book.finished or self._book.prepare(item.name) is not None

    def work(self, items: Sequence[Item]) -> Work:
        """What a task has to do on a worker to run these items; see `fill`."""
        self._book.write()
        files = {path: Path(path).read_text(encoding="utf-8") for path in SENT if Path(path).exists()}
        reads = {item.name: self._book.reads(item.name) for item in items}
        return partial(fill, Order(tuple(reads), files, reads, _here()))


def _here() -> tuple[str, str]:
    return os.uname().nodename, str(Path.cwd())


def fill(order: Order, environment: Mapping[str, str], hear: Hear) -> list[Failure]:
    """Run the items of an order in the clone that this process works in; arguments as those of `Here.run`.

    Returns:
        Those that failed; all of them where the clone cannot run them.
    """
    try:
        return _filled(order, environment, hear)
    except UserError as error:
        where = "{} on {}".format(*reversed(_here()))
        return [Failure(name, f"{where}: {error}") for name in order.names]


def _filled(order: Order, environment: Mapping[str, str], hear: Hear) -> list[Failure]:
    if _here() == order.driver:
        raise UserError("this is the driver's own checkout. Start each worker in a clone of its own.")
    with alone(waits=True):
        for path, text in order.files.items():
            temporary = Path(f".{path}.{os.getpid()}")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        with ledger.opened(order.names) as book:
            book.fetch(order.names)
            for name in order.names:
                _compare(order.reads[name], book.reads(name))
            stale = [book.items[name] for name in order.names if book.prepare(name) is None]
            return Here(book, Children()).run(stale, environment, hear) if stale else []


def _compare(wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    if other := [path for path in wanted if found.get(path) != wanted[path]]:
        raise UserError(
            f"{', '.join(other)} differ from those of the driver. Bring this clone to the driver's commit, and let "
            "both use one DVC cache (dvc cache dir)."
        )
