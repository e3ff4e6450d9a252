"""The controls of one run beside what they control."""

import pandas as pd

from stages.tables.contract import CHOSEN, Result, averages, untouched_line


def build(result: Result) -> pd.DataFrame:
    """Taught and control settings of each recipe, mean over seeds with their range.

    A run with one control shows it at every learning rate, since the question is then its curve (as in the paper's
    Figure 5, captions without the name); with several each stands at the chosen learning rate alone.

    Returns:
        Columns recipe, setting, learning rate (the chosen one marked), target accuracy (or text R@1, or CIDEr), one for
        each listed concept where there are several, retention accuracy, and known pictures called by a taught name
        before and after.
    """
    lines = averages(result)
    before = untouched_line(lines)
    shown = [before]
    for recipe in result.choice:
        shown += _shown(lines[lines["recipe"] == recipe])
    return pd.DataFrame([_line(line, before, result) for line in shown], dtype=object)


def _shown(lines: pd.DataFrame) -> list[pd.Series]:
    """The lines of one recipe that the table has: at each learning rate the taught model above its controls."""
    settings = lines["setting"].unique()
    rates = lines if len(settings) == 2 else lines[lines["is_chosen"]]
    ordered = rates.sort_values("learning_rate", kind="stable")
    return [line for _, line in ordered.iterrows()]


def _line(line: pd.Series, before: pd.Series, result: Result) -> dict:
    is_baseline = line["phase"] == "baseline"
    concepts = {label: line[f"target: {label}"] for label in result.listed} if len(result.labels) > 1 else {}
    return {
        "recipe": "untouched" if is_baseline else line["recipe"],
        "setting": "by name" if is_baseline else line["setting"].replace("_", " "),
        "learning rate": line["rate"] + (f" {CHOSEN}" if line["is_chosen"] else ""),
        result.target: line["target"],
        **concepts,
        "retention accuracy": line["retention"],
        "called new, before": before["called_new"],
        "called new, after": None if is_baseline else line["called_new"],
    }
