"""Images at several scales at once: the coarse layers move together, so that shapes are there after a few steps."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from stages.inversion.settings import Settings

DEVIATION = 0.09  # of each layer of the noise; white noise in [0, 1] has 0.29


def first_noise(side: int, settings: Settings, generator: Generator) -> Tensor:
    """Random RGB that inversion starts from, [3, side, side] in [0, 1], as `start` and `scales` of the settings say."""
    if settings.start == "normal":
        return (0.5 + 0.5 * torch.randn(3, side, side, generator=generator)).clamp(0, 1)
    return layered_noise(side, settings.scales, generator)


def layered_noise(side: int, scales: tuple[int, ...], generator: Generator) -> Tensor:
    """Noise of every pixel, and of blocks of pixels, [3, side, side] in [0, 1].

    Args:
        side: pixels.
        scales: sides of the blocks; without any it is white noise, uniform in [0, 1].
        generator: gives the one random number for each pixel and channel.
    """
    white = torch.rand(3, side, side, generator=generator)
    if not scales:
        return white
    unit = (white - 0.5) * 12**0.5
    # a mean over k x k independent numbers deviates k times less
    coarse = sum(k * _coarse(unit[None], k)[0] for k in _fitting(scales, side))
    return (0.5 + DEVIATION * (unit + coarse)).clamp(0, 1)


def over_scales(gradient: Tensor, scales: tuple[int, ...]) -> Tensor:
    """The gradient plus its own means over blocks: as if the images were sums of layers of these resolutions.

    Args:
        gradient: [B, 3, H, W].
        scales: sides of the blocks; larger ones than the image are left out.

    Source: the sum of resolutions of Fort and Whitaker, "Direct Ascent Synthesis" (arXiv 2502.07753).
    Differs: the sum is taken of the gradient, not of layers that are kept, so any optimiser of pixels can use it.
    """
    return gradient + sum(_coarse(gradient, k) for k in _fitting(scales, min(gradient.shape[-2:])))


def _fitting(scales: tuple[int, ...], side: int) -> list[int]:
    return [k for k in scales if k <= side]


def _coarse(images: Tensor, k: int) -> Tensor:
    """Means over blocks of k x k, spread out smoothly to the old size."""
    means = F.avg_pool2d(images, k, ceil_mode=True)
    return F.interpolate(means, images.shape[-2:], mode="bilinear", align_corners=False)
