"""The random affine A of Eq. 3: turn, shift and scale images a little, each by its own chance."""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from stages.common.affine_ranges import Affine


def draw_affines(ranges: Affine, n: int, generator: Generator) -> Tensor:
    """`n` random moves, [n, 2, 3], for `move`; an unmoved one is the identity."""
    chance = torch.rand(n, 5, generator=generator)
    moved = chance[:, 0] < ranges.probability
    angle = (2 * chance[:, 1] - 1) * math.radians(ranges.rotation_deg) * moved
    shift = (2 * chance[:, 2:4] - 1) * 2 * ranges.shift_frac * moved[:, None]  # the grid is 2 wide
    low, high = ranges.scale
    size = torch.where(moved, low + chance[:, 4] * (high - low), torch.ones(n))
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    rows = torch.stack([cos, -sin, sin, cos], 1).reshape(n, 2, 2)
    return torch.cat([rows, -(rows @ shift[:, :, None])], 2)


def move(images: Tensor, affines: Tensor) -> Tensor:
    """Images moved each by its own affine, bilinear, the border repeated outside; differentiable in the images.

    Args:
        images: [B, C, H, W]; tokens [B, L, D] stay as they are, since the layers above know each by its place.
        affines: [B, 2, 3] of `draw_affines`.
    """
    if images.ndim == 3:
        return images
    grid = _grid(affines.to(images), *images.shape[-2:])
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _grid(affines: Tensor, height: int, width: int) -> Tensor:
    """Where each pixel comes from, [B, H, W, 2].

    F.affine_grid has a product of matrices three wide for it, which takes a GPU twice as long as the sampling.
    """
    right, down = ((2 * torch.arange(n, device=affines.device) + 1) / n - 1 for n in (width, height))
    by_right, by_down, shift = affines[:, None, None].unbind(-1)
    return by_right * right[:, None] + (by_down * down[:, None, None] + shift)
