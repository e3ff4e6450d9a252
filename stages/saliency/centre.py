"""The control of every way to find saliency: the middle of the picture, whatever it shows and whatever is asked.

Photographers and scanners put things in the middle. A way that does no better than this has found nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from stages.common.segmenting import Settings
from stages.models.contract import TwoEncoders

PLACES = 15  # of a side
WIDTH = 0.25  # standard deviation of the bump, in sides of the picture


def passes(settings: Settings) -> int:
    """None: no encoder is asked."""
    return 0


def maps(model: TwoEncoders, images: Tensor, texts: Tensor, settings: Settings, seeds: Sequence[int]) -> Tensor:
    """A Gaussian bump in the middle, [B, 15, 15], the same for all."""
    return bump().expand(len(images), -1, -1)


def bump() -> Tensor:
    """The bump, [15, 15]."""
    places = torch.linspace(-0.5, 0.5, PLACES)
    line = torch.exp(-((places / WIDTH) ** 2) / 2)
    return line[:, None] * line[None, :]
