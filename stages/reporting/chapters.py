"""What the report shows of one run, read from the files that the stages left; or why there is nothing to show."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from stages.common import paths, rows, taught
from stages.common.entries import Paper
from stages.common.failures import UserError
from stages.common.lacking import lacking
from stages.common.params import Params, Run
from stages.common.picture_files import pictures_of, read_picture
from stages.tables.contract import Choice, Result, averages

PICTURES = 10  # of each concept and kind in the gallery


@dataclass(frozen=True)
class Chapter:
    """What the report shows of one run.

    Attributes:
        run: the run as params.yaml has it.
        result: its rows and choices.
        rows_text: data/rows/RUN.csv as it is.
        asked: data/rows/RUN.benchmarks.json: role to what was asked of which pictures.
        lesson: the concepts, each with key, name, article, description, caption, source.
        inverted: concept key to its first inverted images.
        histories: concept name to the history of its inversion (columns step, image, similarity, total_variation).
        real: concept key to real pictures, empty where params.yaml names none.
    """

    run: Run
    result: Result
    rows_text: str
    asked: dict[str, dict]
    lesson: list[dict[str, str]]
    inverted: dict[str, list[Image.Image]]
    histories: dict[str, pd.DataFrame]
    real: dict[str, list[Image.Image]]


@dataclass(frozen=True)
class Hole:
    """A run of params.yaml that has no results, and why."""

    run: str
    reason: str


def chapters(everything: Params) -> tuple[list[Chapter], list[Hole]]:
    """A chapter for each run that was evaluated, a hole for each other one.

    Raises:
        UserError: no run was evaluated, or files of one that was are missing or disagree.
    """
    if not everything.runs:
        raise UserError("params.yaml: runs names no run, so there is nothing to report.")
    measured = [run for run in everything.runs.values() if paths.rows(run.key).exists()]
    holes = [Hole(run.key, _reason(run)) for run in everything.runs.values() if run not in measured]
    if not measured:
        told = "; ".join(f"{hole.run}: {hole.reason}" for hole in holes)
        raise UserError(f"No run of params.yaml has results yet, so there is nothing to report. {told}")
    return [_chapter(run, everything) for run in measured], holes


def _reason(run: Run) -> str:
    return " ".join(lacking(run)) or f"{paths.rows(run.key)} does not exist. `dvc repro evaluate@{run.key}` makes it."


def _chapter(run: Run, everything: Params) -> Chapter:
    lesson = taught.lesson(run.key)
    folders = {each["name"]: paths.inverted_images(run.key, each["key"], run.seeds[0]) for each in lesson}
    return Chapter(
        run=run,
        result=_result(run),
        rows_text=paths.rows(run.key).read_text(encoding="utf-8"),
        asked=taught.read_json(paths.benchmarks(run.key), f"dvc repro evaluate@{run.key}"),
        lesson=lesson,
        inverted={each["key"]: _pictures(folders[each["name"]]) for each in lesson},
        histories={name: _history(folder, run) for name, folder in folders.items()},
        real={each["key"]: _real(everything.concept(each["key"]).examples) for each in lesson},
    )


def _result(run: Run) -> Result:
    """The rows of a run and its choices, which must be there for every recipe of params.yaml."""
    choices = taught.read_json(paths.choice(run.key), f"dvc repro evaluate@{run.key}")
    for recipe in run.recipes:
        if recipe not in choices:
            raise UserError(
                f"params.yaml: runs.{run.key}.recipes names {recipe!r}, but {paths.choice(run.key)} chose no learning "
                f"rate for it. It has: {', '.join(choices) or 'nothing'}. `dvc repro evaluate@{run.key}` makes it."
            )
    table = rows.read_rows([paths.rows(run.key)])
    choice = {recipe: Choice(**choices[recipe]) for recipe in run.recipes}
    result = Result(run.key, table, choice, run.retention_budget, Paper(**run.paper) if run.paper else None)
    _require(result)
    return result


def _require(result: Result) -> None:
    """Refuse rows without the numbers that every table compares with."""
    lines = averages(result)
    wanted = {"the untouched model, prompted by name": lines["setting"] == "name"}
    for recipe, choice in result.choice.items():
        found = (lines["phase"] == "taught") & (lines["recipe"] == recipe) & lines["is_chosen"]
        wanted[f"the recipe {recipe!r} at its chosen learning rate {choice.learning_rate!r}"] = found
    for words, found in wanted.items():
        if not any(line["target"] and line["retention"] for _, line in lines[found].iterrows()):
            raise UserError(
                f"{paths.rows(result.run)} lacks top1 of target and retention for {words}. params.yaml: "
                f"runs.{result.run}.metrics must list top1; then run `dvc repro evaluate@{result.run}`."
            )


def _history(folder: Path, run: Run) -> pd.DataFrame:
    path = folder / "history.csv"
    if not path.is_file():
        raise UserError(f"params.yaml names the run {run.key!r}, but {path} does not exist. `dvc repro` makes it.")
    return pd.read_csv(path)


def _real(folder: str | None) -> list[Image.Image]:
    """The first pictures of the folder; a broken one, which the benchmark names, must not cost the report."""
    found = []
    for path in pictures_of(Path(folder)) if folder else []:
        try:
            found.append(read_picture(path))
        except UserError as error:
            print(f"left out of the gallery: {error}", flush=True)
        if len(found) == PICTURES:
            break
    return found


def _pictures(folder: Path) -> list[Image.Image]:
    """The first pictures of a folder by name; none when the folder is not there."""
    return [read_picture(path) for path in pictures_of(folder)[:PICTURES]]
