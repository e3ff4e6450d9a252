"""Copies of a frozen model: in half precision, or on another GPU."""

import copy
from functools import lru_cache
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn


class Copied(Protocol):
    """What is asked of a model; stages/models/contract.py has the rest."""

    network: nn.Module
    device: torch.device


Model = TypeVar("Model", bound=Copied)


@lru_cache(maxsize=1)
def lowered(model: Model) -> Model:
    """A copy whose network computes in bfloat16, kept for the next call; batch norm keeps its statistics in float32.

    Its inversion loss is the model's up to rounding, at half the memory and, on a GPU, a fraction of the time. Under
    autocast every step would round the frozen weights anew, and carry float32 from block to block.
    """
    lower = copy.copy(model)
    lower.network = copy.deepcopy(model.network).to(torch.bfloat16)
    for module in lower.network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.float()
    return lower


def moved(model: Model, device: torch.device) -> Model:
    """A copy on another device for what is done with images; its texts are still embedded where they were."""
    copied = copy.copy(model)
    copied.network, copied.device = copy.deepcopy(model.network).to(device), device
    for name, value in vars(model).items():
        if isinstance(value, Tensor):
            setattr(copied, name, value.to(device))
    return copied


def on_every_gpu(model: Model) -> list[Model]:
    """The model, and a copy on each further GPU that this process may use."""
    if model.device.type != "cuda":
        return [model]
    others = (torch.device("cuda", number) for number in range(torch.cuda.device_count()))
    return [model, *(moved(model, other) for other in others if other.index != (model.device.index or 0))]
