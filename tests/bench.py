"""Ours against the reference's way of inversion: images a minute, and seconds to an equal accuracy; then real sizes.

Command: make bench, or python -m tests.bench [--run KEY] [--steps N ...] [--seeds N ...] [--sizes NAME ...]
         [--json FILE]
Reads:   params.yaml, captions through data/lessons/RUN.json, data/world, data/rows/RUN.choice.json (`make run` first)
Writes:  a table to the screen; FILE where one is named; nothing else
Time:    about 12 minutes on one quiet core, then 3 minutes on two

Real sizes: what ViT-B-32 and ViT-L-14 with random weights take on this machine, from the description to the export.

The reference inverts one image at a time, 13 random views a step, with the settings of the preset `reference`. Ours is
the `invert:` of the run: all images of a concept at once. Same model, same descriptions, one thread of the CPU; seconds
are those that the processor worked, so that other work on the machine counts as little as can be. Every point of both
ways is then taught by the run's recipe `replay` at the learning rate that the run chose, with the same replayed images
(not timed: a model needs them once), and asked about the target pictures.

The rule for "equal accuracy", fixed before any figure was seen: a way's plateau is its highest accuracy (mean over
seeds) over all its numbers of steps. The goal is the lowest seed at the lower of the two plateaus. A way has reached
the goal at its fewest steps whose mean over seeds is at least the goal. The reference's schedule is pressed together
to each number of steps; its own is 5000, for which seconds are extrapolated and accuracy is not measured.
"""

import argparse
import contextlib
import json
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from types import ModuleType

import torch
from numpy import ndarray
from torch import Tensor

from stages import finetune, invert
from stages.common import known_classes, lookup, params, paths, seeds, taught
from stages.common.affine_ranges import Affine
from stages.common.failures import run_main
from stages.common.images import write_images
from stages.common.known_classes import KnownClass
from stages.common.params import Run
from stages.common.progress import clock, progress
from stages.common.recipes import recipes_of
from stages.evaluation.exam import Exam, Prompts, Question, exam_of, prompts_of
from stages.inversion import optimisation
from stages.inversion.settings import Settings, settings_of
from stages.models.contract import Model
from tests import full_size

STEPS = (5, 10, 20, 50, 100)  # few enough at the low end that neither way succeeds there
RECIPE = "replay"
OWN_STEPS = settings_of({"preset": "reference"}, "tests/bench.py")[0].steps
REFERENCE = {"preset": "reference", "images": 1, "views": 13}


@dataclass(frozen=True)
class Way:
    """One way to invert; `settings.images` are optimised at once."""

    name: str
    settings: Settings
    affine: Affine

    def with_steps(self, steps: int) -> Settings:
        """Its settings with another number of steps; its schedule is drawn out or pressed together to fit."""
        share = steps / self.settings.steps
        return replace(
            self.settings,
            steps=steps,
            grow_at=tuple(round(at * share) for at in self.settings.grow_at),
            anneal_every=self.settings.anneal_every and max(1, round(self.settings.anneal_every * share)),
        )


@dataclass(frozen=True)
class Point:
    """What one way gave with one number of steps and one seed."""

    way: str
    steps: int
    seed: int
    images: int
    seconds: float
    accuracy: float

    @property
    def images_a_minute(self) -> float:
        return 60 * self.images / self.seconds


@dataclass(frozen=True)
class Bench:
    """Model, lesson and exam, the same for both ways."""

    run: Run
    model: Model
    concepts: list[dict[str, str]]
    known: dict[str, KnownClass]
    exam: Exam
    prompts: Prompts
    recipe: tuple[ModuleType, object]
    learning_rate: float
    ways: tuple[Way, Way]

    def point(self, way: Way, steps: int, seed: int) -> Point:
        """Invert every concept, teach the images, ask about the target pictures."""
        begin = time.process_time()
        images = {concept["key"]: self._inverted(way, steps, concept["description"], seed) for concept in self.concepts}
        seconds = time.process_time() - begin
        for key, own in images.items():
            write_images(paths.inverted_images(self.run.key, key, seed), own)
        n_images = sum(map(len, images.values()))
        return Point(way.name, steps, seed, n_images, seconds, self._accuracy(seed))

    def _inverted(self, way: Way, steps: int, description: str, seed: int) -> Tensor:
        settings, parts, state = way.with_steps(steps), [], Path("unfinished.pt")
        numbers = torch.arange(self.ways[0].settings.images).split(settings.images)
        for part in numbers:
            generators = [seeds.generator("bench", description, seed, int(number)) for number in part]
            target = self.model.inversion_target([description] * len(part))
            *_, result = optimisation.invert(
                self.model, target, settings, way.affine, generators=generators, state=state
            )
            parts.append(result.images)
        return torch.cat(parts)

    def _accuracy(self, seed: int) -> float:
        """Top-1 on the target pictures after teaching the images that lie in the scratch folder."""
        lesson = finetune.lesson_of(self.run, self.concepts, self.known, seed)
        training = finetune.Training(RECIPE, "taught", self.learning_rate, seed)
        state = finetune.finetune(self.model, *self.recipe, lesson, training)
        untouched = self.model.state(list(state))
        self.model.load_state(state)
        rows = list(self.exam.rows(self._similarity, phase="taught", setting="taught"))
        self.model.load_state(untouched)
        return next(row["value"] for row in rows if row["label"] == "all")

    def _similarity(self, question: Question) -> ndarray:
        asked = [self.prompts[name] for name in question.classes]
        return torch.cat([self.model.similarity(part, asked) for part in question.pictures]).numpy()

    def replayed(self) -> None:
        """Images of the known classes, as the run has them, into the scratch folder."""
        way = self.ways[0]
        workshop = invert.Workshop(self.model, way.settings, way.affine, (str(self.run.weights),))
        looks = {name: one.looks for name, one in self.known.items()}
        for chunk in invert.chunks(self.run, [], looks, way.settings.images):
            result = invert.read_chunk(workshop.finished(chunk))
            invert.write_chunk(paths.inverted(self.run.key), chunk, result)


def bench_of(key: str) -> Bench:
    """All that both ways share, read before anything is timed.

    Raises:
        UserError: the run is not drawn, gathered or evaluated yet, or does not have the recipe.
    """
    run = replace(params.load().run(key), device="cpu")
    run.require("weights", "known", "target_data", "retention_data")
    where = f"params.yaml: runs.{key}"
    model = lookup.find("stages.models", run.family, f"{where}.family").load(run)
    concepts, known = taught.lesson(key), known_classes.read(run)
    exam = exam_of(run, concepts, known, model.fit)
    target = [question for question in exam.questions if question.role == "target"]
    choice = taught.read_json(paths.choice(key), f"dvc repro evaluate@{key}")
    return Bench(
        run=run,
        model=model,
        concepts=concepts,
        known=known,
        exam=replace(exam, questions=target, metrics={"top1": exam.metrics["top1"]}),
        prompts=prompts_of(run, exam, concepts, known)["name"],
        recipe=recipes_of(run)[RECIPE],
        learning_rate=choice[RECIPE]["learning_rate"],
        ways=(
            Way("ours", *settings_of(run.invert, f"{where}.invert")),
            Way("reference", *settings_of(REFERENCE, "tests/bench.py: REFERENCE")),
        ),
    )


def measured(bench: Bench, steps: tuple[int, ...], repeats: tuple[int, ...]) -> list[Point]:
    """Every point, the two ways in turn so that both meet the same machine."""
    plan = [(way, n, seed) for seed in repeats for n in steps for way in bench.ways]
    points = []
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        bench.replayed()
        for way, n, seed in progress(plan, "bench"):
            points.append(bench.point(way, n, seed))
            last = points[-1]
            print(f"{way.name}, {n} steps, seed {seed}: {last.seconds:.1f} s, accuracy {last.accuracy:.3f}", flush=True)
    return points


def goal_of(points: list[Point]) -> float:
    """The lowest seed at the lower of the two plateaus; see the rule above."""
    plateaus = []
    for way in ("ours", "reference"):
        accuracies = [[p.accuracy for p in points if (p.way, p.steps) == (way, n)] for n in steps_of(points)]
        plateaus.append(max(accuracies, key=fmean))
    return min(min(plateaus, key=fmean))


def reached(points: list[Point], way: str, goal: float) -> list[Point]:
    """The points of a way, one a seed, at the fewest steps that reach the goal."""
    for n in steps_of(points):
        here = [point for point in points if (point.way, point.steps) == (way, n)]
        if fmean(point.accuracy for point in here) >= goal:
            return here
    raise AssertionError("each way reaches the lower plateau")


def steps_of(points: list[Point]) -> list[int]:
    return sorted({point.steps for point in points})


def spread(values: list[float], form: str) -> str:
    """Mean, and the range over seeds."""
    return f"{fmean(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def table(points: list[Point]) -> str:
    """Every figure as Markdown: mean (lowest to highest seed)."""
    lines = [
        "| steps | ours, images a minute | reference, images a minute | ratio | ours, accuracy | reference, accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for n in steps_of(points):
        ours, theirs = ([p for p in points if (p.way, p.steps) == (way, n)] for way in ("ours", "reference"))
        ratios = [a.images_a_minute / b.images_a_minute for a, b in zip(ours, theirs, strict=True)]
        cells = [spread([p.images_a_minute for p in one], ".0f") for one in (ours, theirs)]
        cells += [spread(ratios, ".1f"), *(spread([p.accuracy for p in one], ".3f") for one in (ours, theirs))]
        lines.append(f"| {n} | {' | '.join(cells)} |")
    goal = goal_of(points)
    ours, theirs = (reached(points, way, goal) for way in ("ours", "reference"))
    ratios = [b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True)]
    longest = [point for point in points if (point.way, point.steps) == ("reference", max(steps_of(points)))]
    own = [point.seconds / point.steps * OWN_STEPS for point in longest]
    lines += [
        "",
        f"| to accuracy {goal:.3f} | steps | seconds of inversion | accuracy |",
        "|---|---|---|---|",
        *(
            f"| {one[0].way} | {one[0].steps} | {spread([p.seconds for p in one], '.1f')} "
            f"| {spread([p.accuracy for p in one], '.3f')} |"
            for one in (ours, theirs)
        ),
        f"| ratio |  | {spread(ratios, '.1f')} |  |",
        f"| reference as published | {OWN_STEPS} | {spread(own, '.0f')}, extrapolated | not measured |",
        f"| ratio |  | {spread([b / a.seconds for a, b in zip(ours, own, strict=True)], '.0f')} |  |",
    ]
    return "\n".join(lines)


def real_sizes(architectures: Iterable[str]) -> str:
    """What models of these sizes need, as Markdown."""
    figures = []
    for architecture in architectures:
        with tempfile.TemporaryDirectory() as scratch:
            figures.append(full_size.walked(Path(scratch), architecture, full_size.SIZES[architecture]))
    return full_size.table(figures)


def main(*words: str) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="world-together", metavar="KEY", help="run of params.yaml")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help=f"numbers of steps (default: {STEPS})")
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2), help="repetitions (default: 0 1 2)")
    sizes = full_size.SIZES
    parser.add_argument("--sizes", nargs="*", default=sizes, choices=sizes, help=f"(default: {' '.join(sizes)})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every point there")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    begin = time.monotonic()
    bench = bench_of(asked.run)
    points = measured(bench, tuple(asked.steps), tuple(asked.seeds))
    rule = " ".join(__doc__.rsplit("\n\n", 1)[1].split())
    print(
        f"\n{rule}\n\nMean (lowest to highest seed); {points[0].images} images a seed; recipe {RECIPE} at learning rate"
    )
    print(f"{bench.learning_rate:g}; {clock(time.monotonic() - begin)} in all.\n\n{table(points)}")
    if asked.json:
        asked.json.write_text(json.dumps([asdict(point) for point in points], indent=1) + "\n")
    if asked.sizes:
        print(f"\n{real_sizes(asked.sizes)}")


if __name__ == "__main__":
    run_main(main)
