"""The optimisation of Eq. 3: images from noise that a frozen model embeds where their targets are."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor

from stages.common import lookup
from stages.common.affine import draw_affines
from stages.common.affine_ranges import Affine
from stages.common.images import read_images, to_8_bit
from stages.common.model_copies import lowered
from stages.inversion.course import Course, Curve, kept, measured
from stages.inversion.settings import Settings
from stages.inversion.step import Steps, Task
from stages.models.contract import Model

RECORDS = 20  # points of a similarity curve, where there are steps enough
SECONDS_BETWEEN_STATES = 30.0


@dataclass(frozen=True)
class Inversion:
    """A finished chunk.

    Attributes:
        images: [B, 3, H, W], rounded to what a PNG keeps; or activations [B, ...], as they are.
        curve: rows of CURVE: similarity and total variation of each image, unmoved, as the steps went on.
    """

    images: Tensor
    curve: Curve


def invert(
    model: Model, target: Tensor, settings: Settings, affine: Affine, *, generators: list[Generator], state: Path
) -> Iterator[int | Inversion]:
    """Optimise B images from noise until the model embeds them where its targets are; gives each step, then the result.

    Args:
        model: frozen; where `settings` names a block, its upper layers (stages/inversion/upper.py).
        target: [B, ...], rows of `model.inversion_target`, one an image.
        settings: how.
        affine: ranges of the random affine.
        generators: one for each image; noise and affines of an image come from its own.
        state: file to keep the state in while this runs.

    Raises:
        UserError: the images became NaN.

    Source: arXiv 2411.15611 Eq. 3 and Eq. 4; the loop after Kazemi et al. 2024.
    Differs: the gradient is clipped image by image, so that no image depends on its neighbours.
    """
    first, task = _first(model, target, settings, affine, generators)
    course = kept(state, task) if state.exists() else Course(task, Steps(task, first, 0), list(range(len(target))))
    kept_at = time.monotonic()
    for step in range(course.made, settings.steps):
        if step in settings.grow_at:
            course.grow(_side(model, settings, step))
        course.steps.step()
        course.made = step + 1
        if course.made % _between_records(settings) == 0 or course.made == settings.steps:
            course.look(model)
            if not course.rows:
                break
        if time.monotonic() - kept_at > SECONDS_BETWEEN_STATES:
            course.keep(state)
            kept_at = time.monotonic()
        yield step
    state.unlink(missing_ok=True)
    images = course.images()
    yield Inversion(images if settings.block else to_8_bit(images), course.curve)


def _first(
    model: Model, target: Tensor, settings: Settings, affine: Affine, generators: list[Generator]
) -> tuple[list[Tensor], Task]:
    """The leaves to begin with, and the task; every chance is drawn here, first the noise."""
    where = "params.yaml: invert.parametrisation"
    named = lookup.find("stages.parametrisations", settings.parametrisation, where)
    parametrisation = model.usual if settings.block else named
    leaves = parametrisation.start(_side(model, settings, 0), settings, generators)
    moves = torch.stack([draw_affines(affine, settings.steps * settings.views, one) for one in generators], 1)
    moves = moves.unflatten(0, (settings.steps, settings.views)).to(model.device)
    half = settings.precision == "bfloat16" or (settings.precision == "auto" and model.device.type == "cuda")
    seen, rates = lowered(model) if half else model, _rates(settings).to(model.device)
    return [leaf.to(model.device) for leaf in leaves], Task(seen, target, settings, parametrisation, moves, rates)


def taken(model: Model, target: Tensor, pictures: Sequence[Path]) -> Inversion:
    """Pictures in place of inverted images, as the model sees them, and how near they are to the targets already.

    Args:
        model: frozen.
        target: [B, ...], rows of `model.inversion_target`, one a picture.
        pictures: B files.
    """
    images = read_images(pictures, model.fit)
    return Inversion(images, measured(model, images.to(model.device), target, 0))


def _side(model: Model, settings: Settings, step: int) -> int:
    doubled = settings.start_px * 2 ** sum(at <= step for at in settings.grow_at)
    return min(doubled, model.image_size) if settings.start_px else model.image_size


def _between_records(settings: Settings) -> int:
    return max(4, settings.steps // RECORDS)  # a look costs a third of a step


def _rates(settings: Settings) -> Tensor:
    """The learning rate of each step, [steps]; from each growth on it falls as a cosine."""
    rates = []
    for step in range(settings.steps):
        begin = max((at for at in settings.grow_at if at <= step), default=0)
        length = settings.anneal_every or settings.steps - begin
        rates.append(settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - begin) / length)))
    return torch.tensor(rates)
