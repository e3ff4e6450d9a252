"""What the report shows of one run, read from the files that the stages left; or why there is nothing to show."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from stages.common import paths, rows, taught
from stages.common.caption_rows import read_captions
from stages.common.failures import UserError
from stages.common.lacking import lacking
from stages.common.params import Params, Run
from stages.common.picture_files import pictures_of, read_picture
from stages.reporting.gained import Changes, changes_of
from stages.reporting.overlays import Overlays, overlays_of
from stages.tables.contract import FEW, Choice, Result, averages
from stages.tables.paper_figures import compared

PICTURES = 10  # of each concept and kind in the gallery


@dataclass(frozen=True)
class Chapter:
    """What the report shows of one run.

    Attributes:
        run: the run as params.yaml has it.
        result: its rows and choices.
        rows_text: data/rows/RUN.csv as it is.
        asked: role to what was asked of which pictures, of data/rows/RUN.benchmarks.json.
        lesson: the concepts, each with key, name, article, description, caption, source.
        shown: those of them that are shown one by one, as `Result.listed` has it; where captions were asked, which put
            concepts in no order, the first.
        inverted: key of each shown concept to its first inverted images.
        histories: name of each shown concept to the history of its inversion (columns step, image, similarity,
            total_variation).
        real: key of each shown concept to real pictures, empty where params.yaml names none.
        changes: the captions that gained and lost most; None where the target asked for none.
        overlays: the masks that gained and lost most; None where the target asked for none.
    """

    run: Run
    result: Result
    rows_text: str
    asked: dict[str, dict]
    lesson: list[dict[str, str]]
    shown: list[dict[str, str]]
    inverted: dict[str, list[Image.Image]]
    histories: dict[str, pd.DataFrame]
    real: dict[str, list[Image.Image]]
    changes: Changes | None
    overlays: Overlays | None


@dataclass(frozen=True)
class Hole:
    """A run of params.yaml that has no results of its settings, and why."""

    run: str
    reason: str


def chapters(everything: Params) -> tuple[list[Chapter], list[Hole]]:
    """A chapter for each run that was evaluated as params.yaml has it now, a hole for each other one.

    Raises:
        UserError: there is a hole for every run; the message has all reasons.
    """
    if not everything.runs:
        raise UserError("params.yaml: runs names no run, so there is nothing to report.")
    told, holes, seen = [], [], {}
    for run in everything.runs.values():
        try:
            told.append(_chapter(run, everything))
        except UserError as error:  # one broken run must not cost the report of the others
            holes.append(Hole(run.key, _reason(run, str(error), lacking(run, everything, seen))))
    if not told:
        reasons = "; ".join(f"{hole.run}: {hole.reason}" for hole in holes)
        raise UserError(f"No run of params.yaml has results yet, so there is nothing to report. {reasons}")
    return told, holes


def _reason(run: Run, error: str, missing: list[str]) -> str:
    """Why a run has no chapter: what it lacks, if anything, and where there are results why they do not count."""
    return " ".join(missing if missing and not paths.rows(run.key).exists() else [error, *missing])


def _chapter(run: Run, everything: Params) -> Chapter:
    if not paths.rows(run.key).exists():
        raise UserError(f"{paths.rows(run.key)} does not exist. `dvc repro evaluate@{run.key}` makes it.")
    lesson = taught.lesson(run.key)
    asked = taught.read_json(paths.benchmarks(run.key), f"dvc repro evaluate@{run.key}")
    _refuse_old(run, asked.pop("settings", {}), lesson)
    result = _result(run)
    shown = _shown(lesson, result)
    folders = {each["name"]: paths.inverted_images(run.key, each["key"], run.seeds[0]) for each in shown}
    return Chapter(
        run=run,
        result=result,
        rows_text=paths.rows(run.key).read_text(encoding="utf-8"),
        asked=asked,
        lesson=lesson,
        shown=shown,
        inverted={each["key"]: _pictures(folders[each["name"]]) for each in shown},
        histories={name: _history(folder, run) for name, folder in folders.items()},
        real={each["key"]: _real(everything.concept(each["key"]).examples) for each in shown},
        changes=_changes(run, result),
        overlays=overlays_of(run.key) if result.mask_metrics else None,
    )


def _changes(run: Run, result: Result) -> Changes | None:
    """The captions that changed most, where there are any; a run of classes may lack the file."""
    if not result.caption_metrics:
        return None
    path = paths.captions(run.key)
    if not path.exists():
        raise UserError(f"{path} does not exist. `dvc repro evaluate@{run.key}` makes it.")
    return changes_of(result, read_captions(path), run.seeds[0])


def _shown(lesson: list[dict], result: Result) -> list[dict]:
    if len(lesson) <= FEW or not result.labels:
        return lesson[:FEW]
    named = {each["name"]: each for each in lesson}
    return [named[name] for name in result.listed]


def _refuse_old(run: Run, settings: dict[str, object], lesson: list[dict]) -> None:
    """Refuse results of other settings: a run that failed before it was measured anew still has its old ones."""
    now = run.measured_by(lesson)
    if other := [name for name, value in now.items() if settings.get(name, ...) != value]:
        raise UserError(
            f"its results are of other settings: {', '.join(other)}; `dvc repro evaluate@{run.key}` makes them anew."
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
    result = Result(run.key, table, choice, run.retention_budget, compared(run))
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
                f"runs.{result.run}.metrics must list top1, and of captions text_recall or cider, of masks dice; then "
                f"run `dvc repro evaluate@{result.run}`."
            )


def _history(folder: Path, run: Run) -> pd.DataFrame:
    path = folder / "history.csv"
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:  # ValueError: what pandas raises for a file without columns
        raise UserError(f"{path} cannot be read: {error}. `dvc repro invert@{run.key}` makes it.") from error


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
