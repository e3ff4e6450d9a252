"""The visual encoder moved until it sees the inverted images as the new concepts (Sec. 3.1.2, Eq. 2).

Command: python -m stages.finetune world-together [more runs, one after the other]
Reads:   data/inverted/RUN, data/lessons/RUN.json, the run's weights and known classes
Writes:  data/checkpoints/RUN/*.safetensors (the trained tensors alone), index.json, teaching.json (what they were
         trained from, and how) and rates.csv (the loss of the first and the last batch, for each learning rate)

One checkpoint for each recipe, learning rate, seed and setting. Settings are "taught" and the run's controls, the same
training with something essential taken away: "noise" instead of the inverted images, of the kind that inversion
begins with; the "wrong_description", the images of another concept (of a known class where one concept is taught
alone); "no_name", the caption without the name.
"""

import csv
import itertools
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from types import ModuleType

import torch
from safetensors.torch import save_file
from torch import Tensor

from stages.common import known_classes, lookup, params, paths, seeds, taught
from stages.common.atomic import new_folder
from stages.common.failures import UserError, each, run_main
from stages.common.known_classes import KnownClass
from stages.common.params import Run
from stages.common.progress import progress
from stages.common.prompts import prompt
from stages.common.recipes import recipes_of
from stages.common.side_by_side import processes_for, side_by_side
from stages.inversion.activations import read_inverted, read_usual
from stages.inversion.settings import Settings, settings_of
from stages.inversion.upper import Upper
from stages.models.contract import Loader, Model
from stages.recipes.contract import Lesson

OTHER_IMAGES = ("noise", "wrong_description")
Concept = dict[str, str]  # an entry of data/lessons/RUN.json


@dataclass(frozen=True)
class Training:
    """One checkpoint to make."""

    recipe: str
    setting: str
    learning_rate: float
    seed: int

    @property
    def file(self) -> str:
        """Its name in the run's folder."""
        return (
            f"{self.recipe}.{self.setting}.lr{self.learning_rate!r}.seed{self.seed}.safetensors"  # 1.04e-4 is not 1e-4
        )


def trainings(run: Run) -> list[Training]:
    """All checkpoints of a run, in a fixed order."""
    return [
        Training(recipe, setting, rate, seed)
        for recipe, mapping in run.recipes.items()
        for rate in mapping["learning_rates"]
        for setting in ("taught", *(control for control in run.controls if _differs(recipe, control)))
        for seed in run.seeds
    ]


def _differs(recipe: str, control: str) -> bool:
    """Whether a control changes anything for a recipe: other images do not where it looks at none."""
    return control not in OTHER_IMAGES or bool(lookup.constant("stages.recipes", recipe, "LOOKS"))


def lesson_of(run: Run, concepts: list[Concept], known: dict[str, KnownClass], seed: int) -> Lesson:
    """What a run teaches with the images of one seed."""
    images = [_read(paths.inverted_images(run.key, concept["key"], seed)) for concept in concepts]
    each = [concept for concept, part in zip(concepts, images, strict=True) for _ in part]
    replay = {name: _read(paths.replay_images(run.key, name)) for name in known if run.replay_images}
    template = run.templates[0]
    return Lesson(
        images=torch.cat(images),
        captions=[concept["caption"] for concept in each],
        prompts=[prompt(template, concept["name"], concept["article"]) for concept in each],
        known_captions=[one.caption(template) for one in known.values()],
        known_prompts=[one.prompt(template) for one in known.values()],
        replay=torch.cat(list(replay.values())) if replay else images[0][:0],
        replay_prompts=[known[name].prompt(template) for name, part in replay.items() for _ in part],
        subjects=[(concept["article"], concept["name"]) for concept in each],
        replay_subjects=[(known[name].article, name) for name, part in replay.items() for _ in part],
    )


def controlled(lesson: Lesson, setting: str, run: Run, concepts: list[Concept], seed: int) -> Lesson:
    """The lesson of a setting: itself for "taught", else with something essential taken away."""
    if setting == "noise":
        return replace(lesson, images=_noise(run, seed, *lesson.images.shape[::3]))
    if setting == "wrong_description":
        return replace(lesson, images=_others(lesson, run, concepts, seed))
    if setting == "no_name":
        bare = {concept["caption"]: concept["description"] for concept in concepts}
        return replace(
            lesson,
            captions=[bare[caption] for caption in lesson.captions],
            prompts=[run.templates[0].replace("{}", bare[caption]) for caption in lesson.captions],
            subjects=[("", bare[caption]) for caption in lesson.captions],
        )
    return lesson


def _noise(run: Run, seed: int, n: int, side: int) -> Tensor:
    """Images of the kind that inversion begins with."""
    settings, where = _inversion_of(run), f"params.yaml: runs.{run.key}.invert.parametrisation"
    if settings.block:
        begun = read_usual(paths.inverted(run.key))
    else:
        begun = lookup.find("stages.parametrisations", settings.parametrisation, where)
    return begun.images(begun.start(side, settings, [seeds.generator("noise", run.key, seed)] * n))


def _inversion_of(run: Run) -> Settings:
    return settings_of(run.invert, f"params.yaml: runs.{run.key}.invert")[0]


def _others(lesson: Lesson, run: Run, concepts: list[Concept], seed: int) -> Tensor:
    """Each concept gets the images of the next; a concept taught alone those of a known class."""
    if len(concepts) == 1:
        return _read(paths.inverted(run.key) / "decoy" / f"seed{seed}")
    parts = [_read(paths.inverted_images(run.key, concept["key"], seed)) for concept in concepts]
    return torch.cat([*parts[1:], parts[0]])


def _read(folder: Path) -> Tensor:
    if not any(folder.glob("*.png")):
        raise UserError(f"{folder} holds no images, though the run needs them. `dvc repro` makes them with `invert`.")
    return read_inverted(folder)


def finetune(
    model: Model,
    recipe: ModuleType,
    settings: object,
    lesson: Lesson,
    training: Training,
    losses: list[float] | None = None,
) -> dict[str, Tensor]:
    """Teach one lesson to the untouched model, which is untouched again afterwards; gives the trained tensors.

    `losses` gets the loss of each step.
    """
    parts = [settings.part, *(["decoder"] if getattr(settings, "decoder", False) else [])]
    untouched = model.state([name for part in parts for name in model.parameters_of(part)])
    generator = seeds.generator("finetune", training.recipe, training.seed)
    try:
        return recipe.teach(model, lesson, settings, generator, learning_rate=training.learning_rate, losses=losses)
    finally:
        model.load_state(untouched)


def rates(plan: list[Training], losses: list[list[float]]) -> list[dict[str, object]]:
    """A line for each recipe, setting and learning rate: its losses, mean over seeds.

    Args:
        plan: all trainings of a run, those that differ in the seed alone beside each other.
        losses: of each training, the loss of each of its steps.
    """
    lines = []
    both = zip(plan, losses, strict=True)
    for (recipe, setting, rate), group in itertools.groupby(both, lambda one: _without_seed(one[0])):
        curves = [curve for _, curve in group]
        first, last = (round(fmean(curve[end] for curve in curves), 6) for end in (0, -1))
        line = {"recipe": recipe, "setting": setting, "learning_rate": rate, "seeds": len(curves)}
        lines.append({**line, "steps": len(curves[0]), "loss_of_first_batch": first, "loss_of_last_batch": last})
    return lines


def _without_seed(training: Training) -> tuple[str, str, float]:
    return training.recipe, training.setting, training.learning_rate


def _write_table(path: Path, lines: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(lines)


def main(key: str, *more: str) -> None:
    """Make every checkpoint of these runs."""
    loader = Loader()
    each((key, *more), lambda one: teach_all(params.load().run(one), loader))


def teach_all(run: Run, loader: Loader) -> None:
    """Make every checkpoint of one run."""
    recipes = recipes_of(run)
    run.require("weights", "known")
    concepts, known = taught.lesson(run.key), known_classes.read(run)
    model, block = loader.model_of(run), _inversion_of(run).block
    model = Upper(model, block) if block else model
    processes, lessons = processes_for(model), {}
    for seed in run.seeds:
        lesson = lesson_of(run, concepts, known, seed)
        lessons |= {(s, seed): controlled(lesson, s, run, concepts, seed) for s in ("taught", *run.controls)}
    plan = trainings(run)
    with new_folder(paths.checkpoints(run.key)) as folder:

        def make(training: Training) -> list[float]:
            lesson, losses = lessons[training.setting, training.seed], []
            tensors = finetune(model, *recipes[training.recipe], lesson, training, losses)
            save_file(tensors, folder / training.file)
            return losses

        work = side_by_side(make, plan, processes)
        losses = [curve for _, curve in zip(progress(plan, f"finetune {run.key}"), work, strict=True)]
        _write_table(folder / "rates.csv", rates(plan, losses))
        index = [{"file": training.file, **asdict(training)} for training in plan]
        (folder / "index.json").write_text(json.dumps(index, indent=1) + "\n")
        settings = {name: asdict(own) for name, (_, own) in recipes.items()}
        (folder / "teaching.json").write_text(
            json.dumps({"base": taught.base(run), "recipes": settings}, indent=1) + "\n"
        )


if __name__ == "__main__":
    run_main(main)
