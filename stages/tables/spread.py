"""How far the concepts of a run lie apart, where they are too many to be listed one by one."""

from statistics import median

import pandas as pd

from stages.tables.contract import FEW, Result, averages, control_lines, per_cent, taught_line, untouched_line


def build(result: Result) -> pd.DataFrame:
    """The accuracies of single concepts, untouched, and of each recipe and its controls at the chosen learning rate.

    Returns:
        Columns recipe, setting, concepts, worst, median, best (in per cent, each concept the mean over seeds), found
        more often (how many concepts than by the untouched model asked by name), never found; empty for a run whose
        concepts are listed.
    """
    if len(result.labels) <= FEW:
        return pd.DataFrame()
    lines = averages(result)
    before = _accuracies(untouched_line(lines), result)
    shown = [untouched_line(lines)]
    for recipe in result.choice:
        shown += [taught_line(lines, recipe), *control_lines(lines, recipe)]
    return pd.DataFrame([_line(line, _accuracies(line, result), before) for line in shown], dtype=object)


def _accuracies(line: pd.Series, result: Result) -> list[float]:
    return [line[f"target: {label}"].mean for label in result.labels]


def _line(line: pd.Series, found: list[float], before: list[float]) -> dict:
    is_baseline = line["phase"] == "baseline"
    return {
        "recipe": "untouched" if is_baseline else line["recipe"],
        "setting": "by name" if is_baseline else line["setting"].replace("_", " "),
        "concepts": str(len(found)),
        "worst": per_cent(min(found)),
        "median": per_cent(median(found)),
        "best": per_cent(max(found)),
        "found more often": "" if is_baseline else str(sum(a > b for a, b in zip(found, before, strict=True))),
        "never found": str(found.count(0.0)),
    }
