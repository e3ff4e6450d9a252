"""Chunks of images made, kept under their fingerprint, and written where a run wants them."""

import csv
import itertools
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

import torch

from stages.common import kept, seeds
from stages.common.affine_ranges import Affine
from stages.common.atomic import new_folder, only_one
from stages.common.model_code import model_code
from stages.common.progress import progress
from stages.inversion.activations import Usual, read_inverted, usual, write_inverted
from stages.inversion.chunks import Chunk
from stages.inversion.course import CURVE, Curve
from stages.inversion.optimisation import Inversion, invert, taken
from stages.inversion.settings import Settings
from stages.inversion.upper import Upper
from stages.models.contract import Model

MAKING = (
    *(f"common.{name}" for name in ("adam", "affine", "affine_ranges", "flat_products", "images", "known_texts")),
    *("common.model_copies", "common.seeds", "common.split_encoder", "inversion.activations", "inversion.upper"),
    *("common.computing", "common.embeddings", "losses.total_variation", "models.contract"),
    *(f"inversion.{name}" for name in ("course", "optimisation", "scales", "settings", "step", "workshop")),
)
"""What an image comes from, whatever the family."""
HISTORY = "history.csv"
SIDE_BY_SIDE = 1024  # images of several chunks that a GPU moves at once; a GPU is busy with 256


@dataclass(frozen=True)
class Workshop:
    """All that is the same for every chunk of a run.

    Attributes:
        model: whole.
        settings: how.
        affine: ranges of the random affine.
        facts: what the images depend on, beside their chunk.
        reference: where activations are inverted, a chunk of images from pixels that tell what is usual of them, and
            the workshop that makes it.
    """

    model: Model
    settings: Settings
    affine: Affine
    facts: tuple[object, ...]
    reference: "tuple[Workshop, Chunk] | None" = None

    @cached_property
    def usual(self) -> Usual | None:
        """What activations behind the block usually are; None where pixels are inverted."""
        if self.reference is None:
            return None
        workshop, chunk = self.reference
        (folder,) = workshop.finished(chunk)
        with torch.no_grad():
            return usual(self.model.below(read_inverted(folder), self.settings.block))

    def mark(self, chunk: Chunk) -> str:
        """The fingerprint of a chunk: equal ones have equal images."""
        given = [kept.digest(picture) for picture in chunk.given]
        code = making(self.model, self.settings.parametrisation)
        return kept.fingerprint(*self.facts, chunk.descriptions, chunk.seed, *given, code=code)

    def finished(self, *chunks: Chunk, model: Model | None = None) -> list[Path]:
        """The folders of .cache/inverted that hold images and curves of chunks; what is there is not made again.

        Args:
            chunks: those that are missing are made side by side.
            model: a copy of the workshop's own on another GPU, to make them there.
        """
        marks = [self.mark(chunk) for chunk in chunks]
        with ExitStack() as locks:
            for mark in sorted(set(marks)):  # another run may make the same chunk at the same time
                locks.enter_context(only_one(kept.chunk(mark)))
            missing = {m: chunk for m, chunk in zip(marks, chunks, strict=True) if not kept.chunk(m).exists()}
            results = self._made(missing, model or self.model)
            for mark, result in zip(missing, results, strict=True):
                with new_folder(kept.chunk(mark)) as temporary:
                    write_inverted(temporary, result.images)
                    write_curve(temporary / HISTORY, result.curve)
        return [kept.chunk(mark) for mark in marks]

    def _made(self, chunks: dict[str, Chunk], model: Model) -> list[Inversion]:
        if not chunks:
            return []
        given = [chunk for chunk in chunks.values() if chunk.given]
        if given:  # these come alone
            return [taken(model, self._target(one, model), one.given) for one in given]
        marks = list(chunks)
        state = kept.unfinished(marks[0] if len(marks) == 1 else kept.fingerprint(marks))
        return self._inverted(list(chunks.values()), model, state)

    def _inverted(self, chunks: list[Chunk], model: Model, state: Path) -> list[Inversion]:
        target = torch.cat([self._target(chunk, model) for chunk in chunks])
        generators = [one for chunk in chunks for one in _generators(chunk)]
        if self.usual:
            model = Upper(model, self.settings.block, self.usual.on(model.device))
        steps = invert(model, target, self.settings, self.affine, generators=generators, state=state)
        result = next(steps)
        more = f" and {len(chunks) - 1} more" if len(chunks) > 1 else ""
        for _ in progress(self.settings.steps, f"invert {chunks[0].label}{more}"):
            if isinstance(result, Inversion):
                break
            result = next(steps)
        assert isinstance(result, Inversion), "inversion gave no result after its last step"
        return list(_apart(result, [len(chunk.descriptions) for chunk in chunks]))

    def _target(self, chunk: Chunk, model: Model) -> torch.Tensor:
        return self.model.inversion_target(list(chunk.descriptions)).to(model.device)


def making(model: Model, parametrisation: str) -> list[str]:
    """The modules that images come from, loaded: a chunk is found again in a process that has loaded others, too."""
    own = {*model_code(model), f"stages.parametrisations.{parametrisation}"}
    names = sorted(own | {f"stages.{module}" for module in MAKING})
    for name in names:
        import_module(name)
    return names


def _generators(chunk: Chunk) -> list[torch.Generator]:
    """One for each image: the n-th of a description draws from (description, seed, n), whatever stands beside it."""
    texts = chunk.descriptions
    return [seeds.generator("invert", text, chunk.seed, texts[:place].count(text)) for place, text in enumerate(texts)]


def _apart(result: Inversion, sizes: list[int]) -> Iterator[Inversion]:
    """A result of chunks that were made side by side, chunk by chunk."""
    begin = 0
    for size in sizes:
        own = range(begin, begin + size)
        curve = [(step, image - begin, *values) for step, image, *values in result.curve if image in own]
        yield Inversion(result.images[begin : begin + size], curve)
        begin += size


def side_by_side(tasks: dict[str, tuple[Workshop, Chunk]], models: list[Model]) -> list[list[str]]:
    """The marks of all chunks, in groups that are made at once: on a CPU each alone, so that its bytes are its own.

    A GPU needs many images to be busy, and is given up to SIDE_BY_SIDE; how many stand beside an image there may change
    its last bits. Where there are several GPUs, each gets its share.
    """
    if models[0].device.type == "cpu":
        return [[mark] for mark in tasks]
    images = sum(len(chunk.descriptions) for _, chunk in tasks.values())
    most = min(SIDE_BY_SIDE, -(-images // len(models)))
    groups: list[list[str]] = []
    room, before = 0, None
    for mark, (workshop, chunk) in tasks.items():
        n, of = len(chunk.descriptions), workshop.facts
        if n > room or of != before or chunk.given:
            groups.append([])
            room, before = most, of
        groups[-1].append(mark)
        room -= n
    return groups


def read_chunk(folder: Path) -> Inversion:
    """What `Workshop.finished` left in a folder."""
    return Inversion(read_inverted(folder), read_curve(folder))


def read_curve(folder: Path) -> Curve:
    """The similarity curve of what `Workshop.finished` left in a folder."""
    with (folder / HISTORY).open() as file:
        return [(int(s), int(i), float(c), float(v)) for s, i, c, v in list(csv.reader(file))[1:]]


def write_chunk(root: Path, chunk: Chunk, made: Path) -> None:
    """Write the images of a chunk from the folder where it was made into theirs, and its curve where it is wanted."""
    if len(set(chunk.folders)) == 1:
        goal = root / chunk.folders[0]
        goal.mkdir(parents=True)
        for file in made.iterdir():
            if chunk.shows_curve or file.name != HISTORY:
                shutil.copyfile(file, goal / file.name)
        return
    images, begin = read_inverted(made), 0
    for folder, group in itertools.groupby(chunk.folders):
        end = begin + len(list(group))
        write_inverted(root / folder, images[begin:end])
        begin = end


def write_curve(path: Path, curve: Curve) -> None:
    """Write a similarity curve as CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([CURVE, *curve])
