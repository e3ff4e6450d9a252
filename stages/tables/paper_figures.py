"""Which figures of the paper stand beside a run: lines of paper_results.csv, of its tables, one figure a line."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from stages.common.entries import Paper
from stages.common.failures import UserError
from stages.common.lookup import nearest
from stages.common.params import Run

FIGURES = Path(__file__).with_name("paper_results.csv")
BASELINE = "baseline"
BY_DESCRIPTION = "description prompt, no training"
UNTAUGHT = (BASELINE, BY_DESCRIPTION)
REFERENCE = "reference"  # of another model, which nobody teaches
BATCH = re.compile(r"batch (\d+)")  # a note of figures that were taught in batches of that size


def figures_of(run: Run) -> tuple[dict[str, str], ...]:
    """The figures that `paper` of a run names, and those of the same untouched model, in the order of the file.

    Returns:
        Lines with table, model, variant, concept, benchmark, metric, lr, value (in per cent), note; all are texts. ()
        for a run that names none.

    Raises:
        UserError: the paper has no such table, model or variant, or the run no such recipe.
    """
    return tuple(figure for _, figure in _named(run))


def compared(run: Run) -> tuple[dict[str, str], ...]:
    """The figures of `figures_of` that ours can stand beside, each once.

    Returns:
        Those lines, with the recipe of the run that taught ours in one more column, `recipe`; "" for the untouched
        model. Left out is what was taught in batches of another size than the run's.

    Raises:
        UserError: as `figures_of`.
    """
    found = {}
    for paper, figure in _named(run):
        recipe = "" if figure["variant"] in UNTAUGHT else paper.recipe
        batch = BATCH.fullmatch(figure["note"])
        if batch is None or run.recipes[recipe].get("batch") == int(batch[1]):
            found[(*figure.values(), recipe)] = {**figure, "recipe": recipe}
    return tuple(found.values())


def _named(run: Run) -> Iterator[tuple[Paper, dict[str, str]]]:
    """Each figure with the entry of the run's `paper` that names it."""
    if not run.papers:
        return
    with FIGURES.open(encoding="utf-8", newline="") as file:
        everything = [figure for figure in csv.DictReader(file) if figure["variant"] != REFERENCE]
    for paper in run.papers:
        figures = everything
        for column in ("table", "model"):
            figures = _only(figures, column, paper, run.key)
        wanted = _only(figures, "variant", paper, run.key)
        if paper.variant not in UNTAUGHT and paper.recipe not in run.recipes:
            raise UserError(
                f"params.yaml: runs.{run.key}.paper says recipe {paper.recipe!r}, by which this run teaches nothing."
                f"{nearest(paper.recipe, run.recipes)} It has: {', '.join(run.recipes)}."
            )
        yield from ((paper, figure) for figure in figures if figure["variant"] in UNTAUGHT or figure in wanted)


def _only(figures: list[dict[str, str]], column: str, paper: Paper, run: str) -> list[dict[str, str]]:
    wanted, there = getattr(paper, column), list(dict.fromkeys(figure[column] for figure in figures))
    if wanted not in there:
        raise UserError(
            f"params.yaml: runs.{run}.paper says {column} {wanted!r}, of which stages/tables/{FIGURES.name} has no "
            f"figure.{nearest(wanted, there)} It has: {', '.join(map(repr, there))}."
        )
    return [figure for figure in figures if figure[column] == wanted]
