"""Which figures of the paper stand beside a run: lines of paper_results.csv, of its tables, one figure a line."""

import csv
from pathlib import Path

from stages.common.entries import Paper
from stages.common.failures import UserError
from stages.common.lookup import nearest
from stages.common.params import Run

FIGURES = Path(__file__).with_name("paper_results.csv")
BASELINE = "baseline"
BY_DESCRIPTION = "description prompt, no training"


def figures_of(run: Run) -> tuple[dict[str, str], ...]:
    """The figures that `paper` of a run names, and those of the same untouched model, in the order of the file.

    Returns:
        Lines with table, model, variant, concept, benchmark, metric, lr, value (in per cent), note; all are texts. ()
        for a run that names none.

    Raises:
        UserError: the paper has no such table, model or variant.
    """
    if not run.papers:
        return ()
    with FIGURES.open(encoding="utf-8", newline="") as file:
        figures = list(csv.DictReader(file))
    return tuple(figure for paper in run.papers for figure in _named(run.key, paper, figures))


def _named(run: str, paper: Paper, figures: list[dict[str, str]]) -> list[dict[str, str]]:
    for column in ("table", "model"):
        figures = _only(figures, column, paper, run)
    wanted = _only(figures, "variant", paper, run)
    return [figure for figure in figures if figure["variant"] in (BASELINE, BY_DESCRIPTION) or figure in wanted]


def _only(figures: list[dict[str, str]], column: str, paper: Paper, run: str) -> list[dict[str, str]]:
    wanted, there = getattr(paper, column), list(dict.fromkeys(figure[column] for figure in figures))
    if wanted not in there:
        raise UserError(
            f"params.yaml: runs.{run}.paper says {column} {wanted!r}, which stages/tables/{FIGURES.name} does not have."
            f"{nearest(wanted, there)} It has: {', '.join(map(repr, there))}."
        )
    return [figure for figure in figures if figure[column] == wanted]
