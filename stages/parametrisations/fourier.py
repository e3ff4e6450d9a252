"""Waves instead of pixels, weighed so that all frequencies weigh alike in a natural picture, in decorrelated colours.

One step moves broad waves as readily as fine ones, and all colours at once.

Source: Olah, Mordvintsev and Schubert, "Feature Visualization" (Distill 2017), on preconditioning.
Differs: the colour directions are the usual ones of light, red against green and blue against yellow, with deviations
    of our own choosing; theirs are measured on photographs, of which we have none.
"""

import torch
from torch import Generator, Tensor

from stages.inversion.settings import Settings

OF_PIXELS = False
DEVIATION = 0.2  # of the waves at the start, so that pixels deviate by about 0.07
COLORS = ((1.0, 0.5, 0.25), (1.0, 0.0, -0.5), (1.0, -0.5, 0.25))  # red, green, blue of the three directions


def start(side: int, settings: Settings, generators: list[Generator]) -> list[Tensor]:
    """Real and imaginary parts of the waves of three colour directions, [B, 3, side, side // 2 + 1, 2]."""
    shape = (3, side, side // 2 + 1, 2)
    return [torch.stack([DEVIATION * torch.randn(shape, generator=one) for one in generators])]


def images(leaves: list[Tensor]) -> Tensor:
    """The waves' sum, in colours, squashed into [0, 1]."""
    (waves,) = leaves
    side = waves.shape[2]
    spectrum = torch.view_as_complex(waves * _weights(side, waves.device)[..., None])
    planes = torch.fft.irfft2(spectrum, s=(side, side), norm="ortho")
    # told in plain numbers: a GPU that records a step cannot take a tensor from the host in it
    colors = [
        sum(shares[channel] * plane for shares, plane in zip(COLORS, planes.unbind(1), strict=True))
        for channel in range(3)
    ]
    return torch.stack(colors, dim=1).sigmoid()


def gradients(leaves: list[Tensor], images: Tensor, gradient: Tensor, settings: Settings) -> list[Tensor]:
    """By the chain rule."""
    return list(torch.autograd.grad(images, leaves, gradient))


def settle(leaves: list[Tensor]) -> None:
    """Any numbers make images."""


def _weights(side: int, device: torch.device) -> Tensor:
    """One over the frequency of each wave, [side, side // 2 + 1]; scaled so that white waves deviate by about 1."""
    down = torch.fft.fftfreq(side, device=device)[:, None]
    right = torch.fft.rfftfreq(side, device=device)[None]
    frequency = (down.square() + right.square()).sqrt().clamp_min(1 / side)
    weights = 1 / frequency
    return weights / weights.square().mean().sqrt()
