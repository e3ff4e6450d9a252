"""What a run has taught: its lesson, and which of its checkpoints is meant."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.common import paths
from stages.common.failures import UserError
from stages.common.kept import digest
from stages.common.lookup import nearest
from stages.common.params import Run
from stages.common.prompts import all_prompts

PREFERRED = "replay"  # the recipe that forgets least, where a run has it


@dataclass(frozen=True)
class Checkpoint:
    """One taught model of a run.

    Attributes:
        file: the tensors that teaching changed.
        recipe: file of stages/recipes.
        learning_rate: as params.yaml has it.
        seed: as params.yaml has it.
    """

    file: Path
    recipe: str
    learning_rate: float
    seed: int


def pick(
    run: str, *, recipe: str | None = None, learning_rate: float | None = None, seed: int | None = None
) -> Checkpoint:
    """The checkpoint that is asked for; what is None is chosen.

    The recipe: `replay` where the run has it, else its first. The learning rate: the one that evaluation chose for
    the recipe. The seed: the first.

    Raises:
        UserError: the run is not taught or not evaluated yet, or has no such checkpoint; the message lists what it has.
    """
    taught = _taught(run)
    recipes = list(dict.fromkeys(checkpoint.recipe for checkpoint in taught))
    recipe = recipe or (PREFERRED if PREFERRED in recipes else recipes[0])
    if recipe not in recipes:
        raise UserError(f"run {run} has no recipe {recipe!r}.{nearest(recipe, recipes)} It has: {', '.join(recipes)}.")
    rate = _chosen_rate(run, recipe) if learning_rate is None else learning_rate
    same_recipe = [checkpoint for checkpoint in taught if checkpoint.recipe == recipe]
    same_rate = [checkpoint for checkpoint in same_recipe if math.isclose(checkpoint.learning_rate, rate)]
    if not same_rate:
        rates = sorted({checkpoint.learning_rate for checkpoint in same_recipe})
        raise UserError(f"run {run} has no checkpoint of {recipe} at learning rate {rate:g}. It has: {rates}.")
    found = [checkpoint for checkpoint in same_rate if seed in (None, checkpoint.seed)]
    if not found:
        raise UserError(f"run {run} has no seed {seed}. It has: {[checkpoint.seed for checkpoint in same_rate]}.")
    return found[0]


def lesson(run: str) -> list[dict[str, Any]]:
    """The concepts that a run teaches: key, name, article, description, caption, source, perhaps prompts of each."""
    return read_json(paths.lesson(run), f"dvc repro gather@{run}")["concepts"]


def asked_for(concept: Mapping[str, Any], templates: Iterable[str]) -> tuple[str, ...]:
    """The prompts that a classifier asks for a concept of a lesson with: its own, or else the run's templates."""
    return tuple(concept.get("prompts", ())) or all_prompts(templates, concept["name"], concept["article"])


def base(run: Run) -> dict[str, str | None]:
    """What the untouched model of a run is: its weights' SHA-256, its architecture, its pretrained tag."""
    return {"weights": digest(Path(run.weights)), "architecture": run.architecture, "pretrained": run.pretrained}


def teaching(run: Run) -> dict[str, dict]:
    """What the checkpoints of a run were trained from, "base", and the settings of each of its "recipes".

    Raises:
        UserError: params.yaml names another model by now; trained tensors fit the model alone that they come from.
    """
    command = f"dvc repro finetune@{run.key}"
    found = read_json(paths.checkpoints(run.key) / "teaching.json", command)
    if found["base"] != base(run):
        raise UserError(
            f"The checkpoints in {paths.checkpoints(run.key)} were trained from another model than params.yaml: "
            f"runs.{run.key} names now (weights, architecture or pretrained). `{command}` makes them anew."
        )
    return found


def _taught(run: str) -> list[Checkpoint]:
    folder = paths.checkpoints(run)
    entries = read_json(folder / "index.json", f"dvc repro finetune@{run}")
    found = [
        Checkpoint(folder / entry["file"], entry["recipe"], entry["learning_rate"], entry["seed"])
        for entry in entries
        if entry["setting"] == "taught"
    ]
    if not found:
        raise UserError(f"{folder / 'index.json'} lists no taught model. `dvc repro finetune@{run}` makes them.")
    return found


def _chosen_rate(run: str, recipe: str) -> float:
    choice = read_json(paths.choice(run), f"dvc repro evaluate@{run}")
    if recipe not in choice:
        raise UserError(f"{paths.choice(run)} chooses nothing for {recipe!r}. Write --learning-rate.")
    return choice[recipe]["learning_rate"]


def read_json(path: Path, command: str) -> list | dict:
    """The content of a JSON file; a missing or broken one is an error that names the command that makes it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist. `{command}` makes it.") from None
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}. `{command}` makes it anew.") from error
