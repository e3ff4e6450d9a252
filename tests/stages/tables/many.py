"""A run of many concepts, the n-th of which its taught models find n times in as many tries as there are concepts."""

from dataclasses import replace

from stages.tables.contract import Result
from tests.stages.made_up_rows import result

LABELS = [f"thing{number:03d}" for number in range(1000)]


def many(n: int) -> Result:
    """A run of `n` concepts."""
    made_up = result(tuple(LABELS[:n]))
    rows = made_up.rows.copy()
    is_one = (rows["phase"] == "taught") & rows["label"].isin(LABELS)
    rows.loc[is_one, "value"] = [LABELS.index(label) / n for label in rows.loc[is_one, "label"]]
    return replace(made_up, rows=rows)
