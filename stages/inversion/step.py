"""One step of Eq. 3: always the same work on the same memory, so that a GPU can record it once and play it again."""

import gc
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType

import torch
from torch import Tensor

from stages.common.adam import Adam
from stages.common.affine import move
from stages.inversion.settings import Settings
from stages.losses.total_variation import add_gradient
from stages.models.contract import Model

PLAIN = 2  # steps before a GPU records one: they choose its kernels and fill its caches
TIMED = 5  # the step that is timed
LONG_S = 120.0  # kernels made for the very shapes save about a third of this, and take about 20 s to make
SAMPLE = 8  # images from whose step the memory of more is told
SHARE = 0.8  # of a GPU's free memory that a step may take


@dataclass(frozen=True)
class Task:
    """What stays the same from the first step to the last.

    Attributes:
        model: frozen; in the precision of the steps.
        target: [B, ...], rows of `model.inversion_target`, one an image.
        settings: how.
        parametrisation: which numbers move; a file of stages/parametrisations, whose contract says what it holds.
        moves: [steps, views, B, 2, 3], the random affines.
        rates: [steps], the learning rates.
    """

    model: Model
    target: Tensor
    settings: Settings
    parametrisation: ModuleType
    moves: Tensor
    rates: Tensor

    def of(self, rows: list[int]) -> "Task":
        """The same of some of the images."""
        return replace(self, target=self.target[rows], moves=self.moves[:, :, rows])


class Steps:
    """B images on their way.

    Attributes:
        task: theirs.
        leaves: what moves, in place: each [B, ...], on the model's device.
        optimizer: its state.
    """

    def __init__(self, task: Task, leaves: list[Tensor], at: int, state: dict[str, list[Tensor]] | None = None) -> None:
        """Begins with step `at`, with the state of an Adam that has gone so far, or a new one."""
        self.task = task
        self.leaves = leaves
        self.optimizer = Adam(leaves)
        if state:
            self.optimizer.load_state(state)
        self._at = torch.tensor([at], device=task.rates.device)
        self._at_once = 0
        self._made = 0
        self._record_at = PLAIN
        self._play: Callable[[], None] = self._work
        self._made_of, self._loss, self._pulled = task.parametrisation.images, self._moved_loss, self._pull

    def images(self) -> Tensor:
        """[B, 3, H, W], without gradient."""
        with torch.no_grad():
            return self.task.parametrisation.images(self.leaves)

    def of(self, rows: list[int], at: int) -> "Steps":
        """Some of the images, from step `at` on."""
        state = self.optimizer.state()
        moments = {name: [one[rows] for one in state[name]] for name in ("means", "squares")}
        return Steps(self.task.of(rows), [leaf[rows] for leaf in self.leaves], at, {**state, **moments})

    def step(self) -> None:
        """Make the next step. On a GPU this comes back before it is done."""
        if self._is_on_gpu and self._made == self._record_at:
            self._record()
        if self._is_on_gpu and self._made == TIMED:
            self._play_timed()
        else:
            self._play()
        self._made += 1

    @property
    def _is_on_gpu(self) -> bool:
        return self._at.device.type == "cuda"

    def _record(self) -> None:
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._work()
        except RuntimeError as error:  # a family that asks the host in between
            print(f"this model's steps cannot be recorded, so each is told anew: {error}".splitlines()[0], flush=True)
        else:
            self._play = graph.replay

    def _play_timed(self) -> None:
        """Make a step, and see whether what is left takes so long that kernels for these very shapes are worth it."""
        torch.cuda.synchronize(self._at.device)
        begin = time.perf_counter()
        self._play()
        torch.cuda.synchronize(self._at.device)
        left = len(self.task.rates) - int(self._at)
        if left * (time.perf_counter() - begin) > LONG_S:
            self._compile()

    def _compile(self) -> None:
        self._loss = torch.compile(self._loss, dynamic=False)
        if self.task.parametrisation.OF_PIXELS:
            self._pulled = torch.compile(self._pulled, dynamic=False)
        else:
            self._made_of = torch.compile(self._made_of, dynamic=False)
        self._play = self._work
        self._record_at = TIMED + PLAIN  # the first step makes the kernels

    def _work(self) -> None:
        task = self.task
        views = task.moves.index_select(0, self._at)[0]
        leaves = [leaf.detach().requires_grad_() for leaf in self.leaves]
        images = self._made_of(leaves)
        gradient = self._gradient(images.detach(), views)
        gradients = self._pulled(leaves, images, gradient)
        self.optimizer.step(gradients, task.rates.index_select(0, self._at)[0])
        task.parametrisation.settle(self.leaves)
        self._at += 1

    def _pull(self, leaves: list[Tensor], images: Tensor, gradient: Tensor) -> list[Tensor]:
        """From the gradient of the model's loss [B, 3, H, W] to what moves the leaves: R added, and clipped."""
        task, settings = self.task, self.task.settings
        if not settings.block:
            add_gradient(gradient, images.detach(), settings.tv_weight)
        gradients = task.parametrisation.gradients(leaves, images, gradient, settings)
        squares = sum(one.flatten(1).square().sum(dim=1) for one in gradients)
        shrink = (settings.clip / squares.sqrt().clamp_min(1e-12)).clamp_max(1)
        gradients = [one * shrink.view(-1, *[1] * (one.ndim - 1)) for one in gradients]
        if settings.weight_decay:  # of pixels alone
            gradients[0] += settings.weight_decay * (images.detach() - 0.5)
        return gradients

    def _gradient(self, images: Tensor, views: Tensor) -> Tensor:
        """Of the model's loss, [B, 3, H, W]; as many images at a time as fit, fewer where memory runs out."""
        self._at_once = self._at_once or self._fitting(images, views)
        while True:
            try:
                parts = [self._part(images, views, rows) for rows in self._parts(len(images))]
                return parts[0] if len(parts) == 1 else torch.cat(parts)
            except torch.OutOfMemoryError:
                if self._at_once == 1:
                    raise
                self._at_once = math.ceil(self._at_once / 2)
                told = f"from here on {self._at_once} of {len(images)} images go through at once"
                print(f"out of memory: {told}", flush=True)

    def _parts(self, n: int) -> list[slice]:
        return [slice(begin, begin + self._at_once) for begin in range(0, n, self._at_once)]

    def _part(self, images: Tensor, views: Tensor, rows: slice) -> Tensor:
        pixels, n = images[rows].requires_grad_(), len(views)
        loss = self._loss(pixels, self.task.target[rows], views[:, rows])
        return torch.autograd.grad(loss.sum() / n, pixels)[0]

    def _moved_loss(self, images: Tensor, target: Tensor, views: Tensor) -> Tensor:
        """Of all views of B images, [views x B]."""
        if len(views) > 1:
            images, target = torch.cat([images] * len(views)), target.repeat(len(views), 1)
        loss = self.task.model.inversion_loss(move(images, views.flatten(0, 1)), target)
        return (2 * loss).clamp_min(1e-12).sqrt() if self.task.settings.distance == "euclidean" else loss

    def _fitting(self, images: Tensor, views: Tensor) -> int:
        """How many images go through at once: all on a CPU, on a GPU what its free memory holds."""
        if images.device.type != "cuda" or len(images) <= SAMPLE:
            return len(images)
        gc.collect()  # what an earlier inversion has left would be freed while we measure
        torch.cuda.reset_peak_memory_stats(images.device)
        before = torch.cuda.memory_allocated(images.device)
        self._part(images, views, slice(SAMPLE))
        each = max(1, torch.cuda.max_memory_allocated(images.device) - before) / SAMPLE
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info(images.device)
        return max(1, min(len(images), int(SHARE * free / each)))
