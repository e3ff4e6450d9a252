"""Each recipe of a run at its chosen learning rate, in one line."""

import pandas as pd

from stages.tables.contract import Result, averages, control_lines, rate, taught_line, untouched_line


def build(result: Result) -> pd.DataFrame:
    """What each recipe taught and what it cost.

    Returns:
        Columns run, recipe, learning rate, measured (what the target number is called), target before, target after,
        retention before, retention after, loss, best control (the highest target number among the controls, with its
        name), budget.
    """
    lines = averages(result)
    return pd.DataFrame([_line(result, lines, recipe) for recipe in result.choice], dtype=object)


def _line(result: Result, lines: pd.DataFrame, recipe: str) -> dict:
    before, after, choice = untouched_line(lines), taught_line(lines, recipe), result.choice[recipe]
    return {
        "run": result.run,
        "recipe": recipe,
        "learning rate": rate(choice.learning_rate),
        "measured": result.target,
        "target before": before["target"],
        "target after": after["target"],
        "retention before": before["retention"],
        "retention after": after["retention"],
        "loss": after["loss"],
        "best control": _best_control(lines, recipe),
        "budget": "met" if choice.met_budget else "missed",
    }


def _best_control(lines: pd.DataFrame, recipe: str) -> str:
    best = max(control_lines(lines, recipe), key=lambda line: line["target"].mean, default=None)
    return "none run" if best is None else f"{best['target'].percent} ({best['setting'].replace('_', ' ')})"
