"""Where the time of the default run goes: the last finished run of every item, from the timings file.  As Markdown.

python -m pipeline timings > docs/timings.md

Each stage that runs leaves a line in data/timings/stages.csv: its own wall-clock seconds, from the start of its process
to the end.  What DVC does between stages, hashing files and writing dvc.lock, is in none of them.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import items
from pipeline.documents import read
from pipeline.mistakes import UserError
from pipeline.stage import TIMINGS

HEAD = ["| stage | keys | began (UTC) | seconds | share |", "|---|---|---|---:|---:|"]


@dataclass(frozen=True)
class Run:
    """One process of a stage.

    Attributes:
        stage: a verb.
        keys: what it was run for; of a stage that takes none, none.
        started: as the file has it, ISO 8601 in UTC.
        seconds: of wall-clock time.
    """

    stage: str
    keys: tuple[str, ...]
    started: str
    seconds: float


def lines() -> list[str]:
    """The table; a share is that of the sum of all stages, as if they had run one after the other.

    Raises:
        UserError: there is no timings file, none of its runs has finished, or a line of it cannot be read.
    """
    runs = _last(_finished(TIMINGS))
    if not runs:
        raise UserError(f"{TIMINGS} has no finished run of what params.yaml names. `dvc repro` writes it.")
    total = sum(run.seconds for run in runs)
    table = [
        f"| {run.stage} | {' '.join(run.keys)} | {_minute(run.started)} | {_told(run.seconds, total)} |" for run in runs
    ]
    verbs = list(dict.fromkeys(run.stage for run in runs))
    sums = [(verb, sum(run.seconds for run in runs if run.stage == verb)) for verb in verbs]
    table += [f"| **{verb}** | all | | {_told(seconds, total)} |" for verb, seconds in sums]
    return [*HEAD, *table, f"| **together** | | | {_told(total, total)} |"]


def _finished(path: Path) -> list[Run]:
    if not path.is_file():
        raise UserError(f"there is no {path} yet: every stage that `dvc repro` runs leaves a line in it.")
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        try:
            return [
                Run(row["stage"], tuple(row["key"].split()), row["started"], float(row["seconds"]))
                for row in rows
                if row["exit_code"] == "0"
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path}, line {rows.line_num}, is no line about a stage: {error!r}") from error


def _last(runs: list[Run]) -> list[Run]:
    """For every item that dvc.yaml and params.yaml name the last of its runs, in the order of their starts.

    A process of several keys counts as one until each of its keys has a later run.
    """
    left, last = set(_items()), []
    for run in reversed(runs):
        own = {(run.stage, key) for key in run.keys or ("",)}
        if own & left:
            last.append(run)
        left -= own
    return last[::-1]


def _items() -> Iterator[tuple[str, str]]:
    """Stage and key of every item; the key of a stage that takes none is empty."""
    for verb in read(Path("dvc.yaml")).get("stages") or {}:
        yield from ((verb, key) for key in items.keys_of(verb) or [""])


def _minute(started: str) -> str:
    return started[:16].replace("T", " ")


def _told(seconds: float, total: float) -> str:
    return f"{seconds:.1f} | {seconds / total:.1%}"
