"""The optimisation of Eq. 3: images from noise that a frozen model embeds where their targets are."""

import io
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from stages.common.adam import Adam
from stages.common.affine import draw_affines, move
from stages.common.affine_ranges import Affine
from stages.common.atomic import write_bytes
from stages.common.failures import UserError
from stages.common.images import read_images, to_8_bit
from stages.inversion.scales import first_noise, over_scales
from stages.inversion.settings import Settings
from stages.losses.total_variation import total_variation
from stages.models.contract import Model

RECORDS = 20  # points of a similarity curve, where there are steps enough
SECONDS_BETWEEN_STATES = 30.0
CURVE = ("step", "image", "similarity", "total_variation")
Curve = list[tuple[int, int, float, float]]


@dataclass(frozen=True)
class Inversion:
    """A finished chunk.

    Attributes:
        images: [B, 3, H, W], rounded to what a PNG keeps.
        curve: rows of CURVE: similarity and total variation of each image, unmoved, as the steps went on.
    """

    images: Tensor
    curve: Curve


def invert(
    model: Model, target: Tensor, settings: Settings, affine: Affine, *, generators: list[Generator], state: Path
) -> Iterator[int | Inversion]:
    """Optimise B images from noise until the model embeds them where its targets are; gives each step, then the result.

    Args:
        model: frozen.
        target: [B, ...], rows of `model.inversion_target`, one an image.
        settings: how.
        affine: ranges of the random affine.
        generators: one for each image; noise and affines of an image come from its own.
        state: file to keep the state in while this runs.

    Raises:
        UserError: the images became NaN.

    Source: arXiv 2411.15611 Eq. 3; the loop after Kazemi et al. 2024.
    Differs: the gradient is clipped image by image, so that no image depends on its neighbours.
    """
    images = torch.stack([first_noise(_side(model, settings, 0), settings, one) for one in generators])
    moves = torch.stack([draw_affines(affine, settings.steps * settings.views, one) for one in generators], 1)
    images, moves = images.to(model.device), moves.to(model.device)
    optimizer, curve, begin, kept_at, at_once = Adam([images]), [], 0, time.monotonic(), len(images)
    if state.exists():
        images, optimizer, curve, begin = _load_state(state, model)
    for step in range(begin, settings.steps):
        if step in settings.grow_at:
            side = _side(model, settings, step)
            images = F.interpolate(images, (side, side), mode="bicubic").clamp(0, 1)
            optimizer = Adam([images])
        views = moves[step * settings.views : (step + 1) * settings.views]
        gradient, at_once = _gradient(model, images, target, views, settings, at_once)
        gradient = over_scales(gradient, settings.scales)
        norms = gradient.flatten(1).norm(dim=1).clamp_min(1e-12)
        gradient *= (settings.clip / norms).clamp_max(1)[:, None, None, None]
        gradient += settings.weight_decay * (images - 0.5)
        optimizer.step([gradient], settings.learning_rate * _annealed(settings, step))
        images.clamp_(0, 1)
        if (step + 1) % _between_records(settings) == 0 or step + 1 == settings.steps:
            curve += _recorded(model, images, target, step + 1)
            if _is_stuck(curve, settings, step + 1):
                break
        if time.monotonic() - kept_at > SECONDS_BETWEEN_STATES:
            _save_state(state, images, optimizer, curve, step + 1)
            kept_at = time.monotonic()
        yield step
    state.unlink(missing_ok=True)
    yield Inversion(to_8_bit(images.cpu()), curve)


def taken(model: Model, target: Tensor, pictures: Sequence[Path]) -> Inversion:
    """Pictures in place of inverted images, as the model sees them, and how near they are to the targets already.

    Args:
        model: frozen.
        target: [B, ...], rows of `model.inversion_target`, one a picture.
        pictures: B files.
    """
    images = read_images(pictures, model.fit)
    return Inversion(images, _recorded(model, images.to(model.device), target, 0))


def _side(model: Model, settings: Settings, step: int) -> int:
    doubled = settings.start_px * 2 ** sum(at <= step for at in settings.grow_at)
    return min(doubled, model.image_size) if settings.start_px else model.image_size


def _between_records(settings: Settings) -> int:
    return max(4, settings.steps // RECORDS)  # a look costs a third of a step


def _annealed(settings: Settings, step: int) -> float:
    begin = max((at for at in settings.grow_at if at <= step), default=0)
    length = settings.anneal_every or settings.steps - begin
    return 0.5 * (1 + math.cos(math.pi * (step - begin) / length))


def _gradient(
    model: Model, images: Tensor, target: Tensor, views: Tensor, settings: Settings, at_once: int
) -> tuple[Tensor, int]:
    """The gradient of each image's own loss, [B, 3, H, W], `at_once` images at a time; fewer where memory runs out."""
    while True:
        pieces = zip(images.split(at_once), target.split(at_once), views.split(at_once, 1), strict=True)
        try:
            return torch.cat([_gradient_of(model, *piece, settings) for piece in pieces]), at_once
        except torch.OutOfMemoryError:
            if at_once == 1:
                raise
            at_once = math.ceil(at_once / 2)
            print(f"out of memory: from here on {at_once} of {len(images)} images go through at once", flush=True)


def _gradient_of(model: Model, images: Tensor, target: Tensor, views: Tensor, settings: Settings) -> Tensor:
    pixels, n = images.detach().requires_grad_(), len(views)
    half = settings.precision == "bfloat16" or (settings.precision == "auto" and model.device.type == "cuda")
    with torch.autocast(model.device.type, torch.bfloat16, enabled=half):
        loss = model.inversion_loss(move(pixels.repeat(n, 1, 1, 1), views.flatten(0, 1)), target.repeat(n, 1))
    if settings.distance == "euclidean":
        loss = (2 * loss).clamp_min(1e-12).sqrt()
    total = loss.sum() / n + settings.tv_weight * total_variation(pixels).sum()
    return torch.autograd.grad(total, pixels)[0]


def _recorded(model: Model, images: Tensor, target: Tensor, step: int) -> Curve:
    with torch.no_grad():
        similarity = model.inversion_similarity(model.inversion_loss(images, target)).tolist()
        variation = total_variation(images).tolist()
    if not all(map(math.isfinite, similarity)):
        raise UserError(
            f"inversion met NaN at step {step}. Lower invert.learning_rate in params.yaml, or set invert.precision to "
            "float32; if both are low already, the weights may be broken."
        )
    return [(step, i, round(s, 6), round(v, 6)) for i, (s, v) in enumerate(zip(similarity, variation, strict=True))]


def _is_stuck(curve: Curve, settings: Settings, step: int) -> bool:
    if not settings.patience:
        return False
    now = [row[2] for row in curve if row[0] == step]
    earlier = [at for at, *_ in curve if at <= step - settings.patience]
    before = [row[2] for row in curve if earlier and row[0] == max(earlier)]
    return bool(before) and sum(now) / len(now) - sum(before) / len(before) < 0.001


def _save_state(path: Path, images: Tensor, optimizer: Adam, curve: Curve, step: int) -> None:
    state = io.BytesIO()  # torch.save into a file hides a full disk behind an error of its own
    torch.save({"images": images, "optimizer": optimizer.state(), "curve": curve, "step": step}, state)
    write_bytes(path, state.getvalue())


def _load_state(path: Path, model: Model) -> tuple[Tensor, Adam, Curve, int]:
    state = torch.load(path, weights_only=True, map_location=model.device)
    optimizer = Adam([state["images"]])
    optimizer.load_state(state["optimizer"])
    return state["images"], optimizer, [tuple(row) for row in state["curve"]], state["step"]
