"""The pixels themselves, as the paper has it, their gradient summed over several scales."""

import torch
from torch import Generator, Tensor

from stages.inversion.scales import first_noise, over_scales
from stages.inversion.settings import Settings

OF_PIXELS = True


def start(side: int, settings: Settings, generators: list[Generator]) -> list[Tensor]:
    """Noise of the kind that `start` and `scales` of the settings say."""
    return [torch.stack([first_noise(side, settings, one) for one in generators])]


def images(leaves: list[Tensor]) -> Tensor:
    """The leaf is the images."""
    return leaves[0]


def gradients(leaves: list[Tensor], images: Tensor, gradient: Tensor, settings: Settings) -> list[Tensor]:
    """The gradient, and its means over blocks of pixels."""
    return [over_scales(gradient, settings.scales)]


def settle(leaves: list[Tensor]) -> None:
    """Clamps to [0, 1]."""
    leaves[0].clamp_(0, 1)
