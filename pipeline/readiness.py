"""Whether the runs that are asked for lack nothing, known before anything is computed: stages/ready.py says it."""

from collections.abc import Iterable

from prefect import get_run_logger

from pipeline import items
from pipeline.children import Children
from pipeline.here import FAILED
from pipeline.mistakes import UnreadyError

SHOWN = 4  # runs that are named with what they lack


class Readiness:
    """The runs among the items of a `pipeline run`.

    Attributes:
        keep_going: whether the others run where some lack something, and the report without them.
    """

    def __init__(self, names: Iterable[str], children: Children, *, keep_going: bool) -> None:
        self.keep_going = keep_going
        self._names, self._children, self._is_known = tuple(names), children, False

    def check(self) -> None:
        """Look once, however often it is called; what runs lack is told in the log where the others go on.

        Raises:
            UnreadyError: names all that runs lack; not where the others go on.
        """
        if self._is_known:
            return
        self._is_known = True
        found = self._lacking()
        if found and not self.keep_going:
            listed = "".join(f"\n  {line}" for line in found)
            raise UnreadyError(
                f"nothing was computed, since not every run is ready:{listed}\n"
                "Put there what is missing, or leave those runs out for now: `python -m pipeline run --keep-going`."
            )
        for line in found:
            get_run_logger().warning(line)

    def _lacking(self) -> list[str]:
        """A line for each thing that runs lack, or what else stands in the way of all."""
        keys, lines = items.keys_among(self._names, "runs"), []
        if not keys:
            return []
        code = self._children.run(f"python -m stages.ready {' '.join(keys)}", {}, lines.append)
        if code == 0 or self._children.is_ending:
            return []
        return _gathered(lines) or _told(lines) or [f"python -m stages.ready: exit code {code}"]


def _gathered(lines: Iterable[str]) -> list[str]:
    """What lines of `KEY: failed: WHY` say: each thing once, after the runs that lack it."""
    lacking: dict[str, list[str]] = {}
    for key, why in (line.split(f": {FAILED}", 1) for line in lines if f": {FAILED}" in line):
        for thing in filter(None, why.split(f"params.yaml: runs.{key}.")):
            lacking.setdefault(thing.strip(), []).append(key)
    return [f"{_few(keys)}: {thing}" for thing, keys in lacking.items()]


def _told(lines: list[str]) -> list[str]:
    """The message on a run alone, without what libraries say of their attempts to reach a hub."""
    return [line for line in lines if line.startswith("params.yaml:")] or lines


def _few(keys: list[str]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(keys[:SHOWN]) + more
