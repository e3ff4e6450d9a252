"""The masks of a run: a line for each picture and model with its own numbers, beside the rows of the run."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from stages.common.atomic import write_text

COLUMNS = ("picture", "concept", "random_prompt", "setting", "recipe", "learning_rate", "seed")
"""picture: its path. concept: what was to be found in it. random_prompt: what it was asked for besides, as a control.
setting: as in the row, "name" for the untouched model asked by name. Then a column for each number of the rows."""


def write_mask_rows(path: Path, lines: Sequence[Mapping[str, object]]) -> None:
    """Write the lines as CSV, a header alone where there are none; None becomes an empty field."""
    text = io.StringIO()
    numbers = dict.fromkeys(name for line in lines for name in line if name not in COLUMNS)
    table = csv.DictWriter(text, [*COLUMNS, *numbers], lineterminator="\n", restval=None)
    table.writeheader()
    table.writerows(lines)
    write_text(path, text.getvalue())
