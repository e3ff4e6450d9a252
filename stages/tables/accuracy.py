"""The paper's table of one run: target and retention accuracy, untouched and at each learning rate."""

import pandas as pd

from stages.tables.contract import CHOSEN, Result, averages


def build(result: Result) -> pd.DataFrame:
    """Accuracies as the paper lays them out, mean over seeds with their range.

    Returns:
        Index: target accuracy (or text R@1, or CIDEr), of each listed concept where there are several, retention
        accuracy, of each known class where they are few, its loss, both among the best five answers, and the share of
        known pictures called by a taught name; what was not measured is left out. Columns, two levels: ("",
        "pictures"), ("untouched model, prompted by", prompt) and (recipe, learning rate), the chosen learning rate
        marked.

    Source: arXiv 2411.15611 Table 1.
    Differs: three baselines instead of one; the paper prompts by name only.
    """
    lines = averages(result)
    measured = [line for _, line in lines[lines["phase"] != "control"].iterrows()]
    columns = {name: column for name, column in _rows(result).items() if any(line[column] for line in measured)}
    head = {("", "pictures"): [_pictures(measured, column) for column in columns.values()]}
    cells = {_head(line): [line[column] for column in columns.values()] for line in measured}
    return pd.DataFrame(head | cells, index=list(columns), dtype=object)


def _rows(result: Result) -> dict[str, str]:
    concepts = {f"– {label}": f"target: {label}" for label in result.listed} if len(result.labels) > 1 else {}
    known = {f"– {label}": f"retention: {label}" for label in result.known_labels}
    rest = {"retention loss": "loss", "retention, top 5": "retention top5", "known called new": "called_new"}
    target = {result.target: "target", **concepts, "target, top 5": "target top5"}
    return {**target, "retention accuracy": "retention", **known, **rest}


def _pictures(measured: list[pd.Series], column: str) -> str:
    return next((str(line[column].n) for line in measured if line[column] is not None), "")


def _head(line: pd.Series) -> tuple[str, str]:
    if line["phase"] == "baseline":
        return "untouched model, prompted by", line["setting"]
    return line["recipe"], line["rate"] + (f" {CHOSEN}" if line["is_chosen"] else "")
