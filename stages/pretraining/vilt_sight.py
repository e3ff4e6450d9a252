"""The first phase of the tiny ViLT: pictures alone, and what the tiny CLIP sees in them.

The published ViLT starts from a vision transformer that was trained on ImageNet's labelled photographs. There are none
in the drawn world: here the tiny CLIP shows what there is to see, by its embedding and by its feature maps.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.networks.vilt import Network
from stages.pretraining.corpus import moved, tinted
from stages.pretraining.teacher import Teacher
from stages.pretraining.vilt_network import MEAN, SIDE, STD

SHARES = {"layer2": 1.0, "layer3": 1.0, "seen": 2.0, "seen_apart": 1.0}  # of each loss in the sum
APART = 20.0  # scale of cosines where pictures, or texts, are told apart
MEASURED = 512  # pictures that say how large the channels of a map are
FARTHEST = 4.0  # standard deviations; what is farther is taken for that


@dataclass(frozen=True)
class Settings:
    """How pictures are learned.

    Attributes:
        steps: optimiser steps; over them the learning rate falls to a tenth as a cosine.
        batch: pictures a step.
        learning_rate: its peak, reached after 100 steps.
        weight_decay: on matrices alone.
    """

    steps: int = 1500
    batch: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05


@dataclass(frozen=True)
class Sight:
    """The training on pictures, a Task of stages/pretraining/training.py.

    Attributes:
        scales: for each map of the teacher mean and deviation of its channels, [1, C, 1, 1].
    """

    settings: Settings
    network: Network
    pictures: Tensor
    teacher: Teacher
    scales: tuple[tuple[Tensor, Tensor], ...]
    seeds: int
    facts: tuple[object, ...]
    name = "tiny_vilt_sight"
    warm_up = 100
    floor = 0.1

    def losses(self, _: int, rows: Tensor, chance: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Distances from what the tiny CLIP sees, which is shown the same pictures untinted; as in Task."""
        network, plain = self.network, moved(self.pictures[rows], chance)
        taught, *maps = self.teacher.look(plain)
        second, third = (_scaled(found, *scale) for found, scale in zip(maps, self.scales, strict=True))
        after = network.after_layers(network.image_states(tinted(plain, chance, MEAN, STD)))
        seen = F.normalize(network.seen(network.vilt.layernorm(after[-1])[:, 0]), dim=-1)
        finer = F.interpolate(third, scale_factor=2, mode="bilinear")
        shares = {
            "layer2": F.mse_loss(_map_of(network.hint2(after[1][:, 1:])), second),
            "layer3": F.mse_loss(_map_of(network.hint3(after[2][:, 1:])), finer),
            "seen": (1 - (seen * taught).sum(1)).mean(),
            "seen_apart": F.cross_entropy(APART * seen @ taught.T, torch.arange(len(rows), device=seen.device)),
        }
        return sum(weight * shares[name] for name, weight in SHARES.items()), shares


def _map_of(states: Tensor) -> Tensor:
    """What a head gives of the patches, [B, SIDE x SIDE, C] -> [B, C, SIDE, SIDE]."""
    return states.transpose(1, 2).unflatten(2, (SIDE, SIDE))


def _scaled(found: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return ((found - mean) / deviation).clamp(-FARTHEST, FARTHEST)


def measured(teacher: Teacher, pictures: Tensor, seed: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """The `scales` of Sight, from MEASURED of the pictures."""
    chosen = torch.randint(len(pictures), (MEASURED,), generator=torch.Generator().manual_seed(seed))
    _, *maps = teacher.look(pictures[chosen].permute(0, 3, 1, 2).float() / 255)
    places = {"dim": (0, 2, 3), "keepdim": True}
    return tuple((found.mean(**places), found.std(**places) + 1e-5) for found in maps)
