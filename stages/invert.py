"""Images from noise that a frozen model sees as the descriptions (Sec. 3.1.1, Eq. 3 and 4).

Command: python -m stages.invert world-together [more runs]
Reads:   data/lessons/RUN.json, the run's weights and known classes
Writes:  data/inverted/RUN/CONCEPT/seedN/{00.png ..., history.csv}, CONCEPT/sheet.png, CONCEPT/curve.png,
         inversion.json; RUN/replay/CLASS/*.png where replay_images > 0; RUN/decoy/seedN where one concept is taught
         alone and the control wrong_description needs images of something else

Where `block` of the run's `invert:` is above 0 (Eq. 4), each folder of images holds activations.safetensors, with grey
pictures of them for people, and RUN usual.safetensors, what activations are drawn from at the start.

Where the run's `images_from` names a folder, pictures from there stand in place of the inverted images of its concepts;
their curve is one point, how near they are to the text.

The images of one concept and seed are one chunk of fixed shape: what else the run teaches cannot change their bytes.
Finished chunks are kept in .cache/inverted and shared by all runs; an unfinished one goes on where it was killed.
Several runs of one model load it once and share the cores; a run's folder appears as soon as its own chunks are done.
"""

import json
import shutil
from concurrent.futures import Future
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pandas as pd
import torch
from PIL import Image

from stages.common import kept, known_classes, lookup, params, paths, segmenting, taught
from stages.common.affine_ranges import Affine
from stages.common.atomic import new_folder
from stages.common.contact_sheet import contact_sheet
from stages.common.entries import INVERSION
from stages.common.failures import Attempts, UserError, run_main
from stages.common.images import read_images
from stages.common.known_classes import KnownClass
from stages.common.model_copies import on_every_gpu
from stages.common.params import Run
from stages.common.progress import progress
from stages.common.side_by_side import as_made, by_workers, processes_for
from stages.common.texts import refuse_long
from stages.figures import contract as figures
from stages.figures import similarity as similarity_figure
from stages.inversion.activations import REFERENCE, TOLD_BY, write_usual
from stages.inversion.chunks import Chunk, chunks
from stages.inversion.course import Curve
from stages.inversion.settings import Settings, settings_of
from stages.inversion.workshop import Workshop, read_curve, side_by_side, write_chunk
from stages.models.contract import Loader, Model, origin_of

CURVE_DPI = 126  # a curve.png of 478 x 315 pixels


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
    if settings.block:
        _refuse_block(run, settings.block)
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
    models = on_every_gpu(jobs[0].workshop.model)

    def make(marks: tuple[str, ...], model: Model = models[0]) -> list[Path]:
        workshops, chunks = zip(*(tasks[mark] for mark in marks), strict=True)
        return workshops[0].finished(*chunks, model=model)

    groups = [tuple(group) for group in side_by_side(tasks, models)]
    wanted = (group for group in groups if any(_needs(job, mark, attempts) for job in jobs for mark in group))
    processes = processes_for(models[0])
    made = as_made(make, wanted, processes) if len(models) == 1 else by_workers(make, wanted, models)
    with closing(made):
        for _, (group, folders) in zip(
            progress(groups, f"invert {', '.join(job.key for job in jobs)}"), made, strict=False
        ):
            for place, mark in enumerate(group):
                for job in [job for job in jobs if _needs(job, mark, attempts)]:
                    _hand_over(job, mark, folders, place, attempts)


def job_of(order: Order, model: Model) -> Job:
    """The chunks of a run; refuses captions and prompts that the model cannot read to their end, and wrong blocks."""
    run = order.run
    refuse_long(run, order.concepts, order.known, count=model.token_count, limit=model.context_length)
    if lookup.constant("stages.benchmarks", run.target_benchmark, "TASK") == "segmentation":  # asked after hours
        where = f"params.yaml: runs.{run.key}.segmentation"
        segmenting.check_block(segmenting.settings_of(run.segmentation, where).highest, len(model.blocks), where)
    workshop = workshop_of(order, model)
    looks = {name: one.looks for name, one in order.known.items()}
    plan = chunks(run, order.concepts, looks, order.settings.images)
    return Job(order, workshop, [(chunk, workshop.mark(chunk)) for chunk in plan])


def workshop_of(order: Order, model: Model) -> Workshop:
    """Where the chunks of a run are made.

    Raises:
        UserError: the model has no such block as the run's `invert:` says.
    """
    run, settings = order.run, order.settings
    origin = (kept.digest(Path(run.weights)), run.architecture, run.pretrained, str(model.device))
    workshop = Workshop(model, settings, order.affine, (asdict(settings), *origin))
    if not settings.block:
        return workshop
    if not hasattr(model, "layers_above"):
        raise UserError(
            f"params.yaml: runs.{run.key}.invert.block says {settings.block}, but the visual encoder of {run.family!r} "
            "cannot be cut into lower and upper layers here: write 0. That of clip can."
        )
    model.layers_above(settings.block)
    looks = [one.looks for one in order.known.values()]
    some = tuple(looks[i * len(looks) // REFERENCE] for i in range(REFERENCE))
    pixels = Workshop(model, TOLD_BY, Affine(), (asdict(TOLD_BY), *origin))
    reference = pixels, Chunk("known classes, for what is usual", some, ("usual",) * len(some), 0)
    return replace(workshop, facts=(*workshop.facts, some), reference=reference)


def _needs(job: Job, mark: str, attempts: Attempts) -> bool:
    return mark in job.missing and job.key not in attempts.failed


def _hand_over(job: Job, mark: str, folders: Future[list[Path]], place: int, attempts: Attempts) -> None:
    """Give a job one chunk that it needs, or the error that ended it; with its last chunk the job is written."""
    with attempts.of(job.key):
        job.folders[mark] = folders.result()[place]
        if not job.missing:
            write_run(job)
            attempts.done(job.key)


def write_run(job: Job) -> None:
    """data/inverted/RUN, from chunks that are all made."""
    order, similarity = job.order, {}
    with new_folder(paths.inverted(job.key)) as folder:
        for chunk, mark in job.plan:
            write_chunk(folder, chunk, job.folders[mark])
            similarity[chunk.label] = round(last_similarity(read_curve(job.folders[mark])), 6)
        for concept in order.concepts:
            own = [mark for chunk, mark in job.plan if chunk.folders[0].startswith(f"{concept['key']}/")]
            _show(folder / concept["key"], order.run.seeds, own)
        if order.settings.block:
            write_usual(folder, job.workshop.usual)
        record = {"settings": asdict(order.settings), "similarity": similarity}
        (folder / "inversion.json").write_text(json.dumps(record, indent=2) + "\n")


def _refuse_block(run: Run, block: int) -> None:
    where = f"params.yaml: runs.{run.key}.invert.block says {block}"
    if lookup.constant("stages.models", run.family, "ENCODERS") == "joint":
        raise UserError(f"{where}, but {run.family!r} is one joint encoder, which is not cut here: write 0.")
    if not run.is_inverted:
        raise UserError(
            f"{where}, but images_from says {run.images_from!r}, so that nothing is inverted: write 0, or {INVERSION}."
        )


def _refuse_known(concepts: list[dict[str, str]], known: dict[str, KnownClass], where: str) -> None:
    listed = {name.casefold(): name for name in known}
    for one in concepts:
        if same := listed.get(one["name"].casefold()):
            raise UserError(
                f"params.yaml: concepts.{one['key']}.name says {one['name']!r}, which {where} lists as {same!r}, a "
                "class that the model knows already. Give it another name, or take it out of that file."
            )


def last_similarity(curve: Curve) -> float:
    """Mean similarity of the images at the end of a curve."""
    last = [similarity for step, _, similarity, _ in curve if step == curve[-1][0]]
    return sum(last) / len(last)


def _show(folder: Path, seeds: tuple[int, ...], marks: list[str]) -> None:
    """sheet.png and curve.png of a concept, drawn once for chunks of these marks."""
    drawing = [kept.digest(Path(str(module.__file__))) for module in (figures, similarity_figure)]
    drawn = kept.shown(kept.fingerprint(seeds, marks, drawing, CURVE_DPI, code=[__name__, contact_sheet.__module__]))
    if not drawn.exists():
        with new_folder(drawn) as temporary:
            _sheet(folder, seeds).save(temporary / "sheet.png")
            (temporary / "curve.png").write_bytes(_curves(folder, seeds))
    for name in ("sheet.png", "curve.png"):
        shutil.copyfile(drawn / name, folder / name)


def _sheet(folder: Path, seeds: tuple[int, ...]) -> Image.Image:
    rows = [read_images(sorted((folder / f"seed{seed}").glob("*.png"))) for seed in seeds]
    return contact_sheet(torch.stack(rows))


def _curves(folder: Path, seeds: tuple[int, ...]) -> bytes:
    histories = {f"seed {seed}": pd.read_csv(folder / f"seed{seed}" / "history.csv") for seed in seeds}
    with figures.style():
        return figures.png(similarity_figure.draw(histories), CURVE_DPI)


if __name__ == "__main__":
    run_main(main)
