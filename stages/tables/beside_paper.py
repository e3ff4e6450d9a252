"""A run beside what the paper prints for it, number by number."""

import math
from pathlib import Path

import pandas as pd

from stages.common.failures import UserError
from stages.common.lookup import nearest
from stages.tables.contract import Average, Result, averages, per_cent, rate

FIGURES = Path(__file__).with_name("paper_results.csv")  # every figure of the paper's tables, one a line
BY_DESCRIPTION = "description prompt, no training"
RETENTION = {"imagenet-1k", "imagenet-100"}
COLUMNS = ["asked for", "model", "paper", "ours", "pictures", "difference"]


def build(result: Result) -> pd.DataFrame:
    """The paper's figures of a run's table and model, and ours of the same concept and learning rate.

    Where the paper states no learning rate, ours is the chosen one. Only the recipe `paper` is compared.

    Returns:
        Columns asked for (a concept, or what was known), model (untouched, or its learning rate), paper and difference
        in per cent and points, ours, pictures (n of ours); empty for a run that names no table of the paper.
    """
    if result.paper is None:
        return pd.DataFrame(columns=COLUMNS)
    lines = averages(result)
    found = [_line(result, lines, figure) for figure in _figures(result)]
    return pd.DataFrame([line for line in found if line], columns=COLUMNS, dtype=object)


def _figures(result: Result) -> list[dict]:
    """The lines of FIGURES that a run names, and those of the same untouched model."""
    mine = pd.read_csv(FIGURES, keep_default_na=False)
    for column in ("table", "model"):
        mine = _only(mine, column, result)
    variants = ["baseline", BY_DESCRIPTION, *_only(mine, "variant", result)["variant"]]
    return mine[mine["variant"].isin(variants)].to_dict("records")


def _only(figures: pd.DataFrame, column: str, result: Result) -> pd.DataFrame:
    wanted, there = getattr(result.paper, column), list(figures[column].unique())
    if wanted not in there:
        raise UserError(
            f"params.yaml: runs.{result.run}.paper says {column} {wanted!r}, which {FIGURES.name} does not have."
            f"{nearest(wanted, there)} It has: {', '.join(map(repr, there))}."
        )
    return figures[figures[column] == wanted]


def _line(result: Result, lines: pd.DataFrame, figure: dict) -> dict | None:
    names = {label.casefold(): label for label in result.labels}
    column, asked = _column(figure, names)
    if column is None:
        return None
    line, model = _model(result, lines, figure)
    ours: Average | None = None if line is None else line[column]
    difference = None if ours is None else f"{100 * ours.mean - float(figure['value']):+.1f}"
    paper = per_cent(float(figure["value"]) / 100)
    pictures = None if ours is None else ours.n
    return dict(zip(COLUMNS, (asked, model, paper, ours, pictures, difference), strict=True))


def _column(figure: dict, names: dict[str, str]) -> tuple[str | None, str]:
    """Where `averages` has a figure, and what was asked for; None for a concept that the run does not teach."""
    concept = figure["concept"].casefold()
    if figure["benchmark"] in RETENTION or (figure["table"], figure["benchmark"]) == ("v1-2", "chexpert-5x200c"):
        return ("retention" if concept in names else None), f"what was known ({figure['benchmark']})"
    if concept == "top-1":
        return "target", "all of them"
    return (f"target: {names[concept]}" if concept in names else None), figure["concept"]


def _model(result: Result, lines: pd.DataFrame, figure: dict) -> tuple[pd.Series | None, str]:
    """The line of `averages` that was measured as a figure was, None where none was; and what it is called."""
    if figure["variant"] in ("baseline", BY_DESCRIPTION):
        setting = "name" if figure["variant"] == "baseline" else "description"
        found = lines[(lines["phase"] == "baseline") & (lines["setting"] == setting)]
        return _first(found), f"untouched, by {setting}"
    taught = lines[(lines["phase"] == "taught") & (lines["recipe"] == "paper")]
    if not figure["lr"]:
        return _first(taught[taught["is_chosen"]]), "taught, chosen learning rate"
    learning_rate = float(figure["lr"])
    is_same = [math.isclose(own, learning_rate, rel_tol=1e-6) for own in taught["learning_rate"]]
    return _first(taught[is_same]), f"taught, {rate(learning_rate)}"


def _first(lines: pd.DataFrame) -> pd.Series | None:
    return None if lines.empty else lines.iloc[0]
