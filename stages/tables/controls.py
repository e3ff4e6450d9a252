"""The controls of one run beside what they control, all at the chosen learning rate."""

import pandas as pd

from stages.tables.contract import Result, averages, control_lines, taught_line, untouched_line


def build(result: Result) -> pd.DataFrame:
    """Taught and control settings of each recipe, mean over seeds with their range.

    Returns:
        Columns recipe, setting, target accuracy, one for each concept where there are several, retention accuracy,
        and known pictures called by a taught name before and after.
    """
    lines = averages(result)
    before = untouched_line(lines)
    shown = [before]
    for recipe in result.choice:
        shown += [taught_line(lines, recipe), *control_lines(lines, recipe)]
    return pd.DataFrame([_line(line, before, result) for line in shown], dtype=object)


def _line(line: pd.Series, before: pd.Series, result: Result) -> dict:
    is_baseline = line["phase"] == "baseline"
    concepts = {label: line[f"target: {label}"] for label in result.labels} if len(result.labels) > 1 else {}
    return {
        "recipe": "untouched" if is_baseline else line["recipe"],
        "setting": "by name" if is_baseline else line["setting"].replace("_", " "),
        "target accuracy": line["target"],
        **concepts,
        "retention accuracy": line["retention"],
        "called new, before": before["called_new"],
        "called new, after": None if is_baseline else line["called_new"],
    }
