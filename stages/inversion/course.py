"""Where an inversion stands: images on their way, images that are finished, and their curve; kept through a kill."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.common.atomic import write_bytes
from stages.common.failures import UserError
from stages.inversion.activations import is_pixels
from stages.inversion.step import Steps, Task
from stages.losses.total_variation import total_variation
from stages.models.contract import Model

CURVE = ("step", "image", "similarity", "total_variation")
GAIN = 0.001  # of similarity; an image that gains less in `patience` steps is finished
Point = tuple[int, int, float, float]
Curve = list[Point]


@dataclass
class Course:
    """An inversion of B images.

    Attributes:
        task: of all B images.
        steps: of those that are on their way.
        rows: which those are, of the B.
        made: steps that were made.
        curve: rows of CURVE so far, B at each look; a finished image keeps its last values.
        finished: row -> [3, H, W] of the others.
    """

    task: Task
    steps: Steps
    rows: list[int]
    made: int = 0
    curve: Curve = field(default_factory=list)
    finished: dict[int, Tensor] = field(default_factory=dict)

    def grow(self, side: int) -> None:
        """Images of more pixels; Adam starts anew."""
        larger = F.interpolate(self.steps.images(), (side, side), mode="bicubic").clamp(0, 1)
        self.steps = Steps(self.task.of(self.rows), [larger], self.made)

    def look(self, model: Model) -> None:
        """Add to the curve how near each image is, unmoved and in float32; one without gain is finished.

        Raises:
            UserError: the images became NaN.
        """
        images = self.steps.images()
        points = measured(model, images, self.task.target[self.rows], self.made)
        now = {row: (step, row, *values) for row, (step, _, *values) in zip(self.rows, points, strict=True)}
        before = {point[1]: point for point in self.curve[-len(self.task.target) :]}
        self.curve += [now.get(row) or (self.made, row, *before[row][2:]) for row in range(len(self.task.target))]
        done = [row for row in self.rows if self._is_finished(row)]
        if done:
            self.finished |= {row: images[self.rows.index(row)].clone() for row in done}
            left = [place for place, row in enumerate(self.rows) if row not in done]
            self.rows = [self.rows[place] for place in left]
            self.steps = self.steps.of(left, self.made)

    def _is_finished(self, row: int) -> bool:
        settings = self.task.settings
        grown_at = max((at for at in settings.grow_at if at < self.made), default=0)
        if not settings.patience or any(at >= self.made for at in settings.grow_at):
            return False
        own = [point for point in self.curve if point[1] == row and point[0] > grown_at]
        earlier = [point[2] for point in own if point[0] <= self.made - settings.patience]
        return bool(earlier) and own[-1][2] - earlier[-1] < GAIN

    def images(self) -> Tensor:
        """All B images, [B, 3, H, W] on the CPU."""
        under_way = dict(zip(self.rows, self.steps.images(), strict=True)) if self.rows else {}
        every = {**self.finished, **under_way}
        return torch.stack([every[row].cpu() for row in sorted(every)])

    def keep(self, path: Path) -> None:
        """Write what is needed to go on after a kill."""
        state = io.BytesIO()  # torch.save into a file hides a full disk behind an error of its own
        own = {name: getattr(self, name) for name in ("rows", "made", "curve", "finished")}
        torch.save({**own, "leaves": self.steps.leaves, "optimizer": self.steps.optimizer.state()}, state)
        write_bytes(path, state.getvalue())


def kept(path: Path, task: Task) -> Course:
    """The course that `Course.keep` wrote."""
    state = torch.load(path, weights_only=True, map_location=task.rates.device)
    steps = Steps(task.of(state["rows"]), state["leaves"], state["made"], state["optimizer"])
    curve = [tuple(point) for point in state["curve"]]
    return Course(task, steps, state["rows"], state["made"], curve, state["finished"])


def measured(model: Model, images: Tensor, target: Tensor, step: int) -> Curve:
    """A point of the curve for each of B images: its similarity to its target, and its total variation.

    Activations have none: theirs is written as 0.

    Raises:
        UserError: a similarity is NaN.
    """
    with torch.no_grad(), _tensor_cores(images):
        similarity = model.inversion_similarity(model.inversion_loss(images, target)).tolist()
        variation = total_variation(images).tolist() if is_pixels(images) else [0.0] * len(images)
    if not all(map(math.isfinite, similarity)):
        raise UserError(
            f"inversion met NaN at step {step}. Lower invert.learning_rate in params.yaml, or set invert.precision to "
            "float32; if both are low already, the weights may be broken."
        )
    return [(step, i, round(s, 6), round(v, 6)) for i, (s, v) in enumerate(zip(similarity, variation, strict=True))]


@contextmanager
def _tensor_cores(images: Tensor) -> Iterator[None]:
    """While open, float32 products on a GPU take its tensor cores: a look else costs as much as ten steps."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if images.device.type == "cuda" else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
