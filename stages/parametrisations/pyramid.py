"""A sum of images of several resolutions, from one pixel to all, each with an Adam of its own.

The coarse layers move whole areas at once, so that shapes are there after few steps.

Source: Fort and Whitaker, "Direct Ascent Synthesis" (arXiv 2502.07753).
Differs: resolutions are the powers of two below the side, and the side; the layers begin with noise.
"""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from stages.inversion.settings import Settings

OF_PIXELS = False
DEVIATION = 0.2  # of each layer's noise, before the squash


def start(side: int, settings: Settings, generators: list[Generator]) -> list[Tensor]:
    """A layer [B, 3, r, r] for each resolution r, coarse ones first."""
    sides = [2**power for power in range(side.bit_length()) if 2**power < side] + [side]
    layers = [[DEVIATION * torch.randn(3, r, r, generator=one) for r in sides] for one in generators]
    return [torch.stack(layer) for layer in zip(*layers, strict=True)]


def images(leaves: list[Tensor]) -> Tensor:
    """From the coarsest on, enlarged smoothly to the next resolution and added to its layer; squashed into [0, 1].

    Enlarged step by step, all layers together cost little more than the last.
    """
    total = leaves[0]
    for layer in leaves[1:]:
        total = F.interpolate(total, layer.shape[-2:], mode="bilinear", align_corners=False) + layer
    return total.sigmoid()


def gradients(leaves: list[Tensor], images: Tensor, gradient: Tensor, settings: Settings) -> list[Tensor]:
    """By the chain rule."""
    return list(torch.autograd.grad(images, leaves, gradient))


def settle(leaves: list[Tensor]) -> None:
    """Any numbers make images."""
