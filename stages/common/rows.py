"""The row: one tidy line for each number, with n, chance and interval beside it. Reports read nothing else."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stages.common.atomic import write_text
from stages.common.failures import UserError
from stages.common.lookup import nearest

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = (
    "run",
    "phase",
    "setting",
    "recipe",
    "learning_rate",
    "seed",
    "role",
    "benchmark",
    "label",
    "metric",
    "value",
    "n",
    "chance",
    "low",
    "high",
)
KEY = ("run", "phase", "setting", "recipe", "learning_rate", "seed", "role", "label", "metric")
NUMBERS = ("learning_rate", "seed", "value", "n", "chance", "low", "high")
Z_95 = 1.959963984540054  # the normal quantile of 0.975


def wilson(k: float, n: int) -> tuple[float, float]:
    """The 95 % Wilson interval of k hits in n trials, as fractions; 10 of 10 give (0.722, 1.0).

    Raises:
        ValueError: n < 1, or k outside [0, n].

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"wilson needs 0 <= k <= n and n >= 1, but got k={k}, n={n}")
    share, width = k / n, Z_95**2 / n
    middle = (share + width / 2) / (1 + width)
    reach = math.sqrt(share * (1 - share) * width + width**2 / 4) / (1 + width)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the rows as CSV; None becomes an empty field.

    Raises:
        ValueError: a row's keys are not COLUMNS.
        UserError: two rows measure the same thing.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in rows:
        if set(row) != set(COLUMNS):
            odd = sorted(set(row) ^ set(COLUMNS))
            raise ValueError(f"{path}: a row must have exactly the columns {COLUMNS}, but differs in {odd}")
        table.writerow(row)
    _refuse_twice(rows, str(path))
    write_text(path, text.getvalue())


def read_rows(paths: Iterable[Path]) -> "DataFrame":
    """All rows of several files in one table; learning_rate and seed are missing values (NaN) in baseline rows.

    Raises:
        UserError: no file, a missing file, other columns than COLUMNS, or two rows that measure the same thing.
    """
    import pandas

    files = list(paths)
    if not files:
        raise UserError("There are no rows to read: the list of files is empty.")
    table = pandas.concat([_read(path) for path in files], ignore_index=True)
    _refuse_twice(table.to_dict("records"), ", ".join(map(str, files)))
    return table


def _read(path: Path) -> "DataFrame":
    import pandas

    if not path.is_file():
        raise UserError(f"{path} does not exist. `dvc repro` makes it.")
    # a class may be called "None" or "NA", so only the columns of numbers know a missing value
    table = pandas.read_csv(path, keep_default_na=False, na_values={name: [""] for name in NUMBERS})
    if tuple(table.columns) != COLUMNS:
        wrong = next((name for name in table.columns if name not in COLUMNS), "")
        raise UserError(f"{path} has the columns {list(table.columns)}, not {list(COLUMNS)}.{nearest(wrong, COLUMNS)}")
    return table.astype({name: "float64" for name in NUMBERS if name != "n"})


def _refuse_twice(rows: Iterable[Mapping[str, object]], place: str) -> None:
    seen = set()
    for row in rows:
        key = tuple(str(row[name]) for name in KEY)
        if key in seen:
            named = ", ".join(f"{name}={value}" for name, value in zip(KEY, key, strict=True) if value)
            raise UserError(f"{place}: the same number is there twice: {named}.")
        seen.add(key)
