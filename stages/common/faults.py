"""What is wrong with the data of a benchmark: single files, each with its reason, named as the user finds them."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SHOWN = 5  # files or classes listed in an error
NAMED = 20  # faults of one kind that are named one by one; more are counted in one


@dataclass(frozen=True)
class Fault:
    """Something of a benchmark's data that is not as it should be, and that no picture comes from.

    Attributes:
        file: relative to the root: a file that is corrupt, missing, or does not belong there; a folder where no file
            can be named.
        reason: what is wrong with it, without a stop.
    """

    file: str
    reason: str


def absent(files: Sequence[str], reason: str = "it is missing") -> list[Fault]:
    """A fault for each file that should be there; one for all of them where they are many."""
    if len(files) > NAMED:
        return [Fault(files[0], f"{reason}, and so are {len(files) - 1} more: {few(files[1:])}")]
    return [Fault(file, reason) for file in files]


def spelt(root: Path, path: Path) -> str:
    """A path as faults name it: relative to the root, with strokes; the root itself by its own name."""
    return path.relative_to(root).as_posix() if path != root else root.name


def few(names: Iterable[str]) -> str:
    """The first few of some names, as an error shows them."""
    shown = list(itertools.islice(names, SHOWN + 1))
    return ", ".join(map(str, shown[:SHOWN])) + (", ..." if len(shown) > SHOWN else "")
