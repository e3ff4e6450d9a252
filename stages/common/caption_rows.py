"""The captions of a run: a line for each picture and model, beside the rows of its numbers."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stages.common.atomic import write_text

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("picture", "references", "setting", "recipe", "learning_rate", "seed", "caption", "cider", "meteor")
"""picture: its path. references: a JSON list of what people say of it. setting: as in the row, "name" for the untouched
model. cider, meteor: the picture's own, as the row has them; empty where that metric did not run."""
NUMBERS = ("learning_rate", "seed", "cider", "meteor")
OWN = ("cider", "meteor")  # metrics of which each picture's own is kept


def write_captions(path: Path, lines: Sequence[Mapping[str, object]]) -> None:
    """Write the lines as CSV, a header alone where there are none; None becomes an empty field."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(lines)
    write_text(path, text.getvalue())


def read_captions(path: Path) -> "DataFrame":
    """The lines of a file; the numbers of NUMBERS are NaN where nothing was written, and a caption may be empty."""
    import pandas

    return pandas.read_csv(path, keep_default_na=False, na_values={name: [""] for name in NUMBERS})
