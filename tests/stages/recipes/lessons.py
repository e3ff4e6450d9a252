"""A small lesson of two concepts and three known classes, all images noise."""

from dataclasses import replace
from pathlib import Path

import torch

from stages.common import lookup
from stages.models.contract import Model
from stages.recipes.contract import Lesson
from tests.stages.models.tiny import run_for

TAUGHT = {"moongate": "a round opening in a wall", "tonometer": "a thin rod with dials"}
KNOWN = {"arch": "a bow of stones", "kite": "a bright diamond on a string", "wheel": "a round frame with spokes"}


def noise(n: int, seed: int) -> torch.Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def lesson(each: int = 3, names: tuple[str, ...] = tuple(TAUGHT)) -> Lesson:
    """`each` images of every taught name, one replayed image of every known class."""
    rows = [name for name in names for _ in range(each)]
    return Lesson(
        images=noise(len(rows), 1),
        captions=[f"A {name} is {TAUGHT[name]}" for name in rows],
        prompts=[f"a photo of a {name}" for name in rows],
        known_captions=[f"A {name} is {text}" for name, text in KNOWN.items()],
        known_prompts=[f"a photo of a {name}" for name in KNOWN],
        replay=noise(len(KNOWN), 2),
        replay_prompts=[f"a photo of a {name}" for name in KNOWN],
        subjects=[("a", name) for name in rows],
        replay_subjects=[(None, name) for name in KNOWN],
    )


def without_replay(whole: Lesson) -> Lesson:
    return replace(whole, replay=whole.replay[:0], replay_prompts=[], replay_subjects=[])


def fresh(folder: Path, family: str = "clip") -> Model:
    """The untouched model that lies in a folder of the fixture tiny_models."""
    return lookup.find("stages.models", family, "a test").load(run_for(folder, family))


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether two recipes' results hold the same bytes under the same names."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
