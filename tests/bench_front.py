"""What a second of inversion buys: ways to invert, by the accuracy and the retention that they lead to.

Command: make bench-front, or python -m tests.bench_front [--runs KEY ...] [--ways NAME ...] [--steps N ...]
         [--seeds N ...] [--json FILE]
Reads:   params.yaml, pipeline/experiments/development.yaml, data/world (`make run` first)
Writes:  a table to the screen; FILE where one is named; nothing else
Time:    about 40 minutes on one quiet core

Each way inverts the concepts of the runs in so many steps. What comes out is taught by the recipe `replay` at each of
the run's learning rates, with the run's replayed images or activations, and asked about pictures of the concepts and of
the known classes. Seconds are those that one core worked on the concepts' inversion, so that other work on the machine
counts as little as can be; what is replayed, and what tells which activations are usual, a model needs once. The runs
are those of the development concepts: by this table the default is chosen, and no picture of moongate, tonometer and
gyroscope has a part in it.

The rule, fixed before the table was made: of each way and number of steps counts the learning rate that the pipeline
would choose, the largest whose loss on the known classes, mean over seeds and runs, is within the budget. A row is on
the front if it keeps to the budget and no other that does is both quicker and at least as accurate.
"""

import argparse
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from types import ModuleType

import torch
from numpy import ndarray
from torch import Tensor

from pipeline import experiments
from stages import describe, finetune, gather
from stages.common import known_classes, lookup, params, paths, seeds, taught
from stages.common.affine_ranges import Affine
from stages.common.failures import run_main
from stages.common.known_classes import KnownClass
from stages.common.params import Run
from stages.common.progress import clock, progress
from stages.common.recipes import recipes_of
from stages.evaluation.exam import Exam, exam_of, prompts_of
from stages.evaluation.question import Prompts, Question
from stages.inversion import optimisation
from stages.inversion.activations import write_inverted
from stages.inversion.chunks import chunks
from stages.inversion.settings import Settings, settings_of
from stages.inversion.upper import Upper
from stages.inversion.workshop import write_chunk
from stages.invert import Order, workshop_of
from stages.models.contract import Model

EXPERIMENT = "development"
RUNS = ("development-a", "development-c")
STEPS = (20, 50)
RECIPE = "replay"
SHARED = ("data/world", "data/weights", "data/known", "data/inversion.md")
PIXELS = {"parametrisation": "pixels", "learning_rate": 0.1}
WAYS = {
    "pyramid": {"parametrisation": "pyramid", "learning_rate": 0.02},
    "pyramid, larger steps": {"parametrisation": "pyramid", "learning_rate": 0.05},
    "pyramid, each image until it gains no more": {"parametrisation": "pyramid", "learning_rate": 0.02, "patience": 8},
    "fourier": {"parametrisation": "fourier", "learning_rate": 0.1},
    "pixels, several scales": PIXELS,
    "pixels, four views": {**PIXELS, "views": 4},
    "pixels, coarse to fine": {**PIXELS, "start_px": 12, "grow_at": (0.3, 0.6)},
    "pixels alone": {**PIXELS, "scales": []},
    "activations above block 4": {"block": 4, "learning_rate": 0.1},
    "reference": {"preset": "reference", "images": 1, "views": 13, "tv_weight": 0.005},
}
"""What each says in place of the run's own `invert:`. Steps at which images grow are shares of all; the reference's
schedule, of 5000 steps, is pressed together."""


def settings_for(way: str, run: Run, steps: int) -> tuple[Settings, Affine]:
    """A way with so many steps; what it does not say is the run's."""
    own = {name: said for name, said in run.invert.items() if name in ("images", "tv_weight")}
    said = {**own, **WAYS[way], "steps": steps}
    if "grow_at" in said:
        said["grow_at"] = [round(share * steps) for share in said["grow_at"]]
    if "preset" in said:
        whole, _ = settings_of({name: one for name, one in said.items() if name != "steps"}, way)
        said["grow_at"] = [round(at * steps / whole.steps) for at in whole.grow_at]
        said["anneal_every"] = max(1, round(whole.anneal_every * steps / whole.steps))
    return settings_of(said, way)


@dataclass(frozen=True)
class Point:
    """What one way gave with one number of steps, seed, run and learning rate; accuracies are fractions."""

    way: str
    steps: int
    seed: int
    run: str
    learning_rate: float
    images: int
    seconds: float
    target: float
    asked: int
    known_before: float
    known: float


@dataclass(frozen=True)
class Bench:
    """A run's model, lesson and exam, the same for all ways."""

    run: Run
    model: Model
    concepts: list[dict[str, str]]
    known: dict[str, KnownClass]
    exam: Exam
    prompts: Prompts
    recipe: tuple[ModuleType, object]

    def points(self, way: str, steps: int, seed: int) -> Iterator[Point]:
        """Invert every concept, teach the images at each learning rate, ask about the pictures."""
        settings, affine = settings_for(way, self.run, steps)
        model, run = self._above(settings), self._run_of(settings)
        begin = time.process_time()
        images = {c["key"]: self._inverted(model, settings, affine, c["description"], seed) for c in self.concepts}
        seconds = time.process_time() - begin
        for key, own in images.items():
            write_inverted(paths.inverted_images(run.key, key, seed), own)
        lesson, made = finetune.lesson_of(run, self.concepts, self.known, seed), sum(map(len, images.values()))
        known_before, _ = self.answers({})["retention"]
        for rate in run.recipes[RECIPE]["learning_rates"]:
            training = finetune.Training(RECIPE, "taught", rate, seed)
            answers = self.answers(finetune.finetune(model, *self.recipe, lesson, training))
            (target, n), (known, _) = answers["target"], answers["retention"]
            yield Point(way, steps, seed, self.run.key, rate, made, seconds, target, n, known_before, known)

    def _run_of(self, settings: Settings) -> Run:
        """The run; what is inverted behind a block has a key and replayed activations of its own (Eq. 4)."""
        if not settings.block:
            return self.run
        said = {"images": settings.images, "block": settings.block, "steps": 10, "learning_rate": 0.1}
        return replace(self.run, key=f"{self.run.key}-above-{settings.block}", invert=said)

    def _above(self, settings: Settings) -> Model:
        """What is inverted: the model, or its upper layers, with replayed images or activations to hold on to."""
        run = self._run_of(settings)
        own, affine = settings_of(run.invert, f"params.yaml: runs.{run.key}.invert")
        workshop = workshop_of(Order(run, own, affine, self.concepts, self.known), self.model)
        if not paths.inverted(run.key).exists():
            looks = {name: one.looks for name, one in self.known.items()}
            for chunk in chunks(run, [], looks, own.images):
                (folder,) = workshop.finished(chunk)
                write_chunk(paths.inverted(run.key), chunk, folder)
        return Upper(self.model, settings.block, workshop.usual) if settings.block else self.model

    def _inverted(self, model: Model, settings: Settings, affine: Affine, description: str, seed: int) -> Tensor:
        parts = []
        for part in torch.arange(self.run.invert["images"]).split(settings.images):
            dice = [seeds.generator("bench", description, seed, int(number)) for number in part]
            target, state = self.model.inversion_target([description] * len(part)), Path("unfinished.pt")
            *_, result = optimisation.invert(model, target, settings, affine, generators=dice, state=state)
            parts.append(result.images)
        return torch.cat(parts)

    def answers(self, state: dict[str, Tensor]) -> dict[str, tuple[float, int]]:
        """Top-1 and the number of pictures, of each role, of the model with these tensors."""
        untouched = self.model.state(list(state))
        self.model.load_state(state)
        rows = list(self.exam.rows(self._similarity, phase="taught", setting="taught"))
        self.model.load_state(untouched)
        return {row["role"]: (row["value"], row["n"]) for row in rows if row["label"] == "all"}

    def _similarity(self, question: Question) -> ndarray:
        asked = [self.prompts[name] for name in question.classes]
        return torch.cat([self.model.similarity(part, asked) for part in question.pictures]).numpy()


def benches_of(keys: list[str]) -> list[Bench]:
    """A bench for each run; all start from one model, loaded once.

    Raises:
        UserError: a run lacks its weights or pictures.
    """
    benches: list[Bench] = []
    for key in keys:
        run = replace(params.load().run(key), device="cpu")
        run.require("weights", "known", "target_data", "retention_data")
        family = lookup.find("stages.models", run.family, f"params.yaml: runs.{key}.family")
        model = benches[0].model if benches else family.load(run)
        concepts, known = taught.lesson(key), known_classes.read(run)
        exam = exam_of(run, concepts, known, model.fit)
        prompts = prompts_of(run, exam, concepts, known)["name"]
        exam = replace(exam, metrics={"top1": exam.metrics["top1"]})
        benches.append(Bench(run, model, concepts, known, exam, prompts, recipes_of(run)[RECIPE]))
    return benches


@contextlib.contextmanager
def project(experiment: str, keys: list[str]) -> Iterator[None]:
    """While open, a scratch project with lessons of these runs of the experiment; data lies where it lay."""
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy("params.yaml", scratch)
        for name in SHARED:
            (Path(scratch) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / name).symlink_to(home / name)
        with contextlib.chdir(scratch):
            experiments.add(experiment)
            describe.main(*dict.fromkeys(key for run in keys for key in params.load().run(run).concepts))
            gather.main(*keys)
            yield


def measured(keys: list[str], ways: list[str], steps: list[int], repeats: list[int]) -> list[Point]:
    """Every point, seed by seed, so that all ways meet the same machine."""
    benches, points = benches_of(keys), []
    plan = [(seed, way, n, bench) for seed in repeats for way in ways for n in steps for bench in benches]
    for seed, way, n, bench in progress(plan, "bench"):
        points += bench.points(way, n, seed)
        last = points[-1]
        told = f"{way}, {n} steps, seed {seed}, {last.run}: {last.seconds:.1f} s, target {last.target:.3f}"
        print(f"{told}, known {last.known:.3f} at {last.learning_rate:g}", flush=True)
    return points


@dataclass(frozen=True)
class Row:
    """A way with so many steps, at the learning rate that counts.

    Attributes:
        seconds: a concept.
        targets: of each seed, over all pictures of its runs.
        lost: of the known classes, mean over seeds and runs.
    """

    way: str
    steps: int
    learning_rate: float
    seconds: float
    targets: list[float]
    lost: float

    @property
    def target(self) -> float:
        """Mean over seeds."""
        return fmean(self.targets)


def rows_of(points: list[Point], budget: float) -> list[Row]:
    """A row for each way and number of steps, in the order they were measured."""
    found = []
    for way, steps in dict.fromkeys((p.way, p.steps) for p in points):
        same = [p for p in points if (p.way, p.steps) == (way, steps)]
        rates = [_row([p for p in same if p.learning_rate == rate]) for rate in sorted({p.learning_rate for p in same})]
        within = [row for row in rates if row.lost <= budget + 1e-9]
        found.append(within[-1] if within else min(rates, key=lambda row: row.lost))
    return found


def _row(points: list[Point]) -> Row:
    one = points[0]
    seconds = 10 * sum(p.seconds for p in points) / sum(p.images for p in points)
    by_seed = [[p for p in points if p.seed == seed] for seed in sorted({p.seed for p in points})]
    targets = [sum(p.target * p.asked for p in own) / sum(p.asked for p in own) for own in by_seed]
    return Row(one.way, one.steps, one.learning_rate, seconds, targets, fmean(p.known_before - p.known for p in points))


def is_on_front(row: Row, rows: list[Row], budget: float) -> bool:
    """Whether it keeps to the budget, and no other row that does is both quicker and at least as accurate."""
    within = [one for one in rows if one.lost <= budget + 1e-9]
    return row in within and not any(o.seconds < row.seconds and o.target >= row.target for o in within)


def table(points: list[Point], budget: float) -> str:
    """The rows as Markdown."""
    rows = rows_of(points, budget)
    lines = [
        "| way | steps | seconds a concept | target | known lost | learning rate | front |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        spread = f"{row.target:.1%} ({min(row.targets):.1%} to {max(row.targets):.1%})"
        front = "yes" if is_on_front(row, rows, budget) else "over the budget" if row.lost > budget + 1e-9 else ""
        cells = [
            row.way,
            str(row.steps),
            f"{row.seconds:.2f}",
            spread,
            f"{row.lost:.1%}",
            f"{row.learning_rate:g}",
            front,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(*words: str) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_front", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", nargs="+", default=list(RUNS), metavar="KEY", help=f"(default: {', '.join(RUNS)})")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS, metavar="NAME", help=", ".join(WAYS))
    parser.add_argument(
        "--steps", type=int, nargs="+", default=list(STEPS), help=f"numbers of steps (default: {STEPS})"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="repetitions (default: 0 1 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every point there")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    begin, file = time.monotonic(), asked.json and asked.json.absolute()
    with project(EXPERIMENT, asked.runs):
        budget = params.load().run(asked.runs[0]).retention_budget
        points = measured(asked.runs, asked.ways, asked.steps, asked.seeds)
    print(f"\n{' '.join(__doc__.split('The rule, ')[1].split())}\n")
    n = sum({p.run: p.asked for p in points}.values())
    print(f"Target: mean (lowest to highest seed), {n} pictures a seed. Seconds: of one core, for ten images.")
    print(f"{clock(time.monotonic() - begin)} in all.\n")
    print(table(points, budget))
    if file:
        file.write_text(json.dumps([asdict(point) for point in points], indent=1) + "\n")


if __name__ == "__main__":
    run_main(main)
