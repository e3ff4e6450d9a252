"""Images from noise that a frozen model sees as the descriptions (Sec. 3.1.1, Eq. 3).

Command: python -m stages.invert world-together [more runs]
Reads:   data/lessons/RUN.json, the run's weights and known classes
Writes:  data/inverted/RUN/CONCEPT/seedN/{00.png ..., history.csv}, CONCEPT/sheet.png, CONCEPT/curve.png,
         inversion.json; RUN/replay/CLASS/*.png where replay_images > 0; RUN/decoy/seedN where one concept is taught
         alone and the control wrong_description needs images of something else

Where the run's `images_from` names a folder, pictures from there stand in place of the inverted images of its concepts;
their curve is one point, how near they are to the text.

The images of one concept and seed are one chunk of fixed shape: what else the run teaches cannot change their bytes.
Finished chunks are kept in .cache/inverted and shared by all runs; an unfinished one goes on where it was killed.
Several runs of one model load it once and share the cores; a run's folder appears as soon as its own chunks are done.
"""

import csv
import itertools
import json
from concurrent.futures import Future
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd
import torch

from stages.common import kept, known_classes, lookup, params, paths, seeds, taught
from stages.common.affine_ranges import Affine
from stages.common.atomic import new_folder, only_one
from stages.common.contact_sheet import contact_sheet
from stages.common.failures import Attempts, UserError, run_main
from stages.common.images import read_images, write_images
from stages.common.known_classes import KnownClass
from stages.common.params import Run
from stages.common.progress import progress
from stages.common.side_by_side import as_made, processes_for
from stages.common.texts import refuse_long
from stages.figures import contract as figures
from stages.figures import similarity as similarity_figure
from stages.inversion.chunks import Chunk, chunks
from stages.inversion.optimisation import CURVE, Curve, Inversion, invert, taken
from stages.inversion.settings import Settings, settings_of
from stages.models.contract import Loader, Model, origin_of

CURVE_DPI = 126  # a curve.png of 478 x 315 pixels


@dataclass(frozen=True)
class Workshop:
    """All that is the same for every chunk of a run; `facts` are what its images depend on."""

    model: Model
    settings: Settings
    affine: Affine
    facts: tuple[object, ...]

    def mark(self, chunk: Chunk) -> str:
        """The fingerprint of a chunk: equal ones have equal images."""
        given = [kept.digest(picture) for picture in chunk.given]
        return kept.fingerprint(*self.facts, chunk.descriptions, chunk.seed, *given)

    def finished(self, chunk: Chunk) -> Path:
        """The folder of .cache/inverted that holds a chunk's images and curve; what is there is not made again."""
        mark = self.mark(chunk)
        folder = kept.chunk(mark)
        with only_one(folder):  # another run may make the same chunk at the same time
            if not folder.exists():
                result = self._inverted(chunk, kept.unfinished(mark))
                with new_folder(folder) as temporary:
                    write_images(temporary, result.images)
                    write_curve(temporary / "history.csv", result.curve)
        return folder

    def _inverted(self, chunk: Chunk, state: Path) -> Inversion:
        if chunk.given:
            return taken(self.model, self.model.inversion_target(list(chunk.descriptions)), chunk.given)
        # the n-th image of a description draws from (description, seed, n), whatever stands beside it
        texts = chunk.descriptions
        ordinals = [texts[:i].count(text) for i, text in enumerate(texts)]
        generators = [seeds.generator("invert", t, chunk.seed, n) for t, n in zip(texts, ordinals, strict=True)]
        target = self.model.inversion_target(list(texts))
        steps = invert(self.model, target, self.settings, self.affine, generators=generators, state=state)
        result = next(steps)
        for _ in progress(self.settings.steps, f"invert {chunk.label}"):
            if isinstance(result, Inversion):
                break
            result = next(steps)
        assert isinstance(result, Inversion), "inversion gave no result after its last step"
        return result


def read_chunk(folder: Path) -> Inversion:
    """What `Workshop.finished` left in a folder."""
    with (folder / "history.csv").open() as file:
        curve = [(int(s), int(i), float(c), float(v)) for s, i, c, v in list(csv.reader(file))[1:]]
    return Inversion(read_images(sorted(folder.glob("*.png"))), curve)


def write_chunk(root: Path, chunk: Chunk, result: Inversion) -> None:
    """Write the images of a chunk into their folders, and its curve where it is wanted."""
    begin = 0
    for folder, group in itertools.groupby(chunk.folders):
        end = begin + len(list(group))
        write_images(root / folder, result.images[begin:end])
        begin = end
    if chunk.shows_curve:
        write_curve(root / chunk.folders[0] / "history.csv", result.curve)


def write_curve(path: Path, curve: Curve) -> None:
    """Write a similarity curve as CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([CURVE, *curve])


@dataclass(frozen=True)
class Order:
    """What a run asks for, before a model is loaded; the texts as their files hold them."""

    run: Run
    settings: Settings
    affine: Affine
    concepts: list[dict[str, str]]
    known: dict[str, KnownClass]


@dataclass(frozen=True)
class Job:
    """A run on its way.

    Attributes:
        order: what is asked for.
        workshop: where its chunks are made.
        plan: its chunks with their marks.
        folders: mark of each chunk that is made to its folder.
    """

    order: Order
    workshop: Workshop
    plan: list[tuple[Chunk, str]]
    folders: dict[str, Path] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The run's key."""
        return self.order.run.key

    @property
    def missing(self) -> set[str]:
        """Marks of the chunks that are not made yet."""
        return {mark for _, mark in self.plan} - self.folders.keys()


def main(key: str, *more: str) -> None:
    """Invert everything that these runs need."""
    everything, attempts = params.load(), Attempts((key, *more))
    groups: dict[tuple, list[Order]] = {}
    for one in attempts.keys:
        with attempts.of(one):
            order = order_of(everything.run(one))
            groups.setdefault(origin_of(order.run), []).append(order)
    for orders in groups.values():
        invert_together(orders, attempts)
    attempts.end()


def order_of(run: Run) -> Order:
    """What a run asks for; refuses all that can be refused without a model."""
    settings, affine = settings_of(run.invert, f"params.yaml: runs.{run.key}.invert")
    if settings.distance == "euclidean" and lookup.constant("stages.models", run.family, "ENCODERS") == "joint":
        raise UserError(
            f"params.yaml: runs.{run.key}.invert says distance 'euclidean', but {run.family!r} is one joint encoder, "
            "which has no distance between vectors: write cosine, or preset: vilt."
        )
    run.require("weights", "known")
    concepts, known = taught.lesson(run.key), known_classes.read(run)
    _refuse_known(concepts, known, run.known)
    return Order(run, settings, affine, concepts, known)


def invert_together(orders: list[Order], attempts: Attempts) -> None:
    """Invert runs that start from the same model; a run that fails leaves the chunks to others that need them."""
    loader, jobs = Loader(), []
    for order in orders:
        with attempts.of(order.run.key):
            jobs.append(job_of(order, loader.model_of(order.run)))
    if jobs:
        _make(jobs, attempts)


def _make(jobs: list[Job], attempts: Attempts) -> None:
    tasks: dict[str, tuple[Workshop, Chunk]] = {}
    for job in jobs:
        for chunk, mark in job.plan:
            tasks.setdefault(mark, (job.workshop, chunk))  # equal chunks of several runs are made once

    def make(mark: str) -> Path:
        workshop, chunk = tasks[mark]
        return workshop.finished(chunk)

    wanted = (mark for mark in tasks if any(_needs(job, mark, attempts) for job in jobs))
    label = f"invert {', '.join(job.key for job in jobs)}"
    with closing(as_made(make, wanted, processes_for(jobs[0].workshop.model))) as made:
        for _, (mark, folder) in zip(progress(tasks, label), made, strict=False):
            for job in [job for job in jobs if _needs(job, mark, attempts)]:
                _hand_over(job, mark, folder, attempts)


def job_of(order: Order, model: Model) -> Job:
    """The chunks of a run; refuses captions and prompts that the model cannot read to their end."""
    run = order.run
    refuse_long(run, order.concepts, order.known, count=model.token_count, limit=model.context_length)
    origin = (kept.digest(Path(run.weights)), run.architecture, run.pretrained, str(model.device))
    workshop = Workshop(model, order.settings, order.affine, (asdict(order.settings), *origin))
    looks = {name: one.looks for name, one in order.known.items()}
    plan = chunks(run, order.concepts, looks, order.settings.images)
    return Job(order, workshop, [(chunk, workshop.mark(chunk)) for chunk in plan])


def _needs(job: Job, mark: str, attempts: Attempts) -> bool:
    return mark in job.missing and job.key not in attempts.failed


def _hand_over(job: Job, mark: str, folder: Future[Path], attempts: Attempts) -> None:
    """Give a job one chunk that it needs, or the error that ended it; with its last chunk the job is written."""
    with attempts.of(job.key):
        job.folders[mark] = folder.result()
        if not job.missing:
            write_run(job)
            attempts.done(job.key)


def write_run(job: Job) -> None:
    """data/inverted/RUN, from chunks that are all made."""
    order, similarity = job.order, {}
    with new_folder(paths.inverted(job.key)) as folder:
        for chunk, mark in job.plan:
            result = read_chunk(job.folders[mark])
            write_chunk(folder, chunk, result)
            similarity[chunk.label] = round(last_similarity(result), 6)
        for concept in order.concepts:
            _write_sheet(folder / concept["key"], order.run.seeds)
            _write_curves(folder / concept["key"], order.run.seeds)
        record = {"settings": asdict(order.settings), "similarity": similarity}
        (folder / "inversion.json").write_text(json.dumps(record, indent=2) + "\n")


def _refuse_known(concepts: list[dict[str, str]], known: dict[str, KnownClass], where: str) -> None:
    listed = {name.casefold(): name for name in known}
    for one in concepts:
        if same := listed.get(one["name"].casefold()):
            raise UserError(
                f"params.yaml: concepts.{one['key']}.name says {one['name']!r}, which {where} lists as {same!r}, a "
                "class that the model knows already. Give it another name, or take it out of that file."
            )


def last_similarity(result: Inversion) -> float:
    """Mean similarity of the images at the end of the curve."""
    last = [similarity for step, _, similarity, _ in result.curve if step == result.curve[-1][0]]
    return sum(last) / len(last)


def _write_sheet(folder: Path, seeds: tuple[int, ...]) -> None:
    rows = [read_images(sorted((folder / f"seed{seed}").glob("*.png"))) for seed in seeds]
    contact_sheet(torch.stack(rows)).save(folder / "sheet.png")


def _write_curves(folder: Path, seeds: tuple[int, ...]) -> None:
    histories = {f"seed {seed}": pd.read_csv(folder / f"seed{seed}" / "history.csv") for seed in seeds}
    with figures.style():
        (folder / "curve.png").write_bytes(figures.png(similarity_figure.draw(histories), CURVE_DPI))


if __name__ == "__main__":
    run_main(main)
