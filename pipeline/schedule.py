"""Which items can run now: an order of the graph, whatever runs them.  Knows neither DVC nor Prefect."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from pipeline.ledger import Item


class Schedule:
    """The items of a run on their way: waiting for others, ready, then done, failed or dropped.

    What follows a failure is dropped.  With `keep_going` an item of a stage with `meta: holes: true` is not: it is
    ready once all that it needs is done, failed or dropped.
    """

    def __init__(self, items: Iterable[Item], *, keep_going: bool = False) -> None:
        self._keep_going = keep_going
        self._open = {item.name: item for item in items}
        self._out = set(self._open)  # not handed out yet

    @property
    def is_over(self) -> bool:
        """Whether every item is done, failed or dropped."""
        return not self._open

    def ready(self) -> list[Item]:
        """Items all of whose needs are done, each handed out once."""
        names = [name for name, item in self._open.items() if name in self._out and not self._open.keys() & item.needs]
        self._out.difference_update(names)
        return [self._open[name] for name in names]

    def done(self, name: str) -> None:
        """An item came out well."""
        self._open.pop(name)

    def failed(self, name: str) -> list[str]:
        """An item did not; the names of all that follow it, which are dropped."""
        self._open.pop(name)
        dropped = [name]
        for item in list(self._open.values()):  # needs stand before what follows them
            if any(need in dropped for need in item.needs) and not self._takes_holes(item):
                self._open.pop(item.name)
                dropped.append(item.name)
        return dropped[1:]

    def _takes_holes(self, item: Item) -> bool:
        return self._keep_going and bool(item.hints.get("holes"))

    def may_grow(self, verb: str) -> bool:
        """Whether another item of a verb may become ready later."""
        return any(item.verb == verb and name in self._out for name, item in self._open.items())


def batches(items: Sequence[Item], n: int, size: int) -> list[list[Item]]:
    """Ready items of one verb as at most `n` batches of nearly equal length, or more where they would pass `size`.

    Args:
        items: in the order in which they are to run.
        n: how many can run side by side.
        size: of a batch, at most.
    """
    count = max(min(n, len(items)), -(-len(items) // size))
    bounds = [len(items) * i // count for i in range(count + 1)]
    return [list(items[a:b]) for a, b in pairwise(bounds)]


def command(items: Sequence[Item]) -> str:
    """One command for several items of a verb: the keys after each other, where one stands alone."""
    if len(items) == 1:
        return items[0].command
    return " ".join([items[0].command.removesuffix(items[0].key).rstrip(), *(item.key for item in items)])
