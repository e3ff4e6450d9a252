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
from stages.pretraining.teacher import APART, Scales, Teacher, missed_hints
from stages.pretraining.vilt_network import MEAN, STD

SHARES = {"layer2": 1.0, "layer3": 1.0, "seen": 2.0, "seen_apart": 1.0}  # of each loss in the sum


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
        scales: of the teacher's maps.
    """

    settings: Settings
    network: Network
    pictures: Tensor
    teacher: Teacher
    scales: Scales
    seeds: int
    facts: tuple[object, ...]
    name = "tiny_vilt_sight"
    warm_up = 100
    floor = 0.1

    def losses(self, _: int, rows: Tensor, chance: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Distances from what the tiny CLIP sees, which is shown the same pictures untinted; as in Task."""
        network, plain = self.network, moved(self.pictures[rows], chance)
        taught, *maps = self.teacher.look(plain)
        after = network.after_layers(network.image_states(tinted(plain, chance, MEAN, STD)))
        seen = F.normalize(network.seen(network.vilt.layernorm(after[-1])[:, 0]), dim=-1)
        patches = network.hint2(after[1][:, 1:]), network.hint3(after[2][:, 1:])
        shares = {
            **missed_hints(patches, maps, self.scales),
            "seen": (1 - (seen * taught).sum(1)).mean(),
            "seen_apart": F.cross_entropy(APART * seen @ taught.T, torch.arange(len(rows), device=seen.device)),
        }
        return sum(weight * shares[name] for name, weight in SHARES.items()), shares
