"""The loop in which a tiny model is trained from scratch: batches, steps, the curve, and going on after a kill."""

import io
import math
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from stages.common import kept, paths
from stages.common.atomic import write_bytes

STATES = paths.CACHE / "pretrain"
SHOWN, KEPT = 100, 250  # steps from one entry of the curve to the next; from one state on disk to the next


class Settings(Protocol):
    """What the loop must know of a task's settings; each task's own say what they mean."""

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float


class Task(Protocol):
    """A network to train, what it is shown, and what it shall learn of it.

    Attributes:
        name: its state on disk is called so.
        settings: how.
        network: trained in place.
        pictures: uint8 [N, H, W, 3], on the network's device.
        facts: what else a state on disk must have been made with, to go on from it.
        seeds: all chances of step i come from a generator of seed `seeds` + i.
        warm_up: steps until the learning rate has risen to its peak.
        floor: part of the peak to which the learning rate falls.
    """

    name: str
    settings: Settings
    network: nn.Module
    pictures: Tensor
    facts: tuple[object, ...]
    seeds: int
    warm_up: int
    floor: float

    def losses(self, step: int, rows: Tensor, chance: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """What a step minimises, and the losses that the curve shows.

        Args:
            step: its number, from 0.
            rows: [B], which pictures are its batch.
            chance: of the step; the rows are its first draw.
        """
        ...


def train_all(tasks: Sequence[Task]) -> Iterator[dict[str, float]]:
    """`train` one task after the other; the steps of their curves are counted through."""
    before = 0
    for task in tasks:
        for entry in train(task):
            yield entry | {"step": before + entry["step"]}
        before += task.settings.steps


def train(task: Task) -> Iterator[dict[str, float]]:
    """Train in place; gives the losses, running means, every 100 steps; keeps the state on disk every 250.

    A training that was stopped goes on where it was, and gives the whole curve, from the first step on.
    """
    settings, network = task.settings, task.network
    optimizer = _optimizer(network, settings)
    step, curve = _resumed(task, optimizer)
    yield from curve
    first, means = step, {}
    network.train()
    while step < settings.steps:
        chance = torch.Generator().manual_seed(task.seeds + step)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _factor(task, step)
        rows = torch.randint(len(task.pictures), (settings.batch,), generator=chance)
        loss, shown = task.losses(step, rows, chance)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        for name, value in shown.items():
            mean = means.get(name, 0.0)
            means[name] = mean + (value.item() - mean) / min(step - first, SHOWN)
        if step % SHOWN == 0 or step == settings.steps:
            curve.append({"step": step, **{name: round(mean, 4) for name, mean in means.items()}})
            yield curve[-1]
        if step % KEPT == 0 or step == settings.steps:
            _keep(task, optimizer, step, curve)


def _factor(task: Task, step: int) -> float:
    """The learning rate of a step over its peak: it rises in a line, and falls as a cosine."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / task.settings.steps))
    return min(1.0, (step + 1) / task.warm_up) * (cosine * (1 - task.floor) + task.floor)


def _optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, settings.learning_rate, betas=(0.9, 0.98), fused=True)


def state_of(name: str) -> Path:
    """Where the state of an unfinished training lies."""
    return STATES / f"{name}.pt"


def _keep(task: Task, optimizer: torch.optim.Optimizer, step: int, curve: list[dict]) -> None:
    state = {"model": task.network.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "curve": curve}
    content = io.BytesIO()
    torch.save({**state, "made_by": _fingerprint(task)}, content)
    write_bytes(state_of(task.name), content.getvalue())


def _resumed(task: Task, optimizer: torch.optim.Optimizer) -> tuple[int, list[dict]]:
    """Load what a run of the same code with the same settings left: the step that it had reached, and its curve."""
    path = state_of(task.name)
    state = torch.load(path, weights_only=True) if path.exists() else {}
    if state.get("made_by") != _fingerprint(task):
        return 0, []
    task.network.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["curve"]


def _fingerprint(task: Task) -> str:
    return kept.fingerprint(asdict(task.settings), *task.facts)


def commit() -> str:
    """The commit that this code is of; with "-dirty" where files of it were changed since."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
