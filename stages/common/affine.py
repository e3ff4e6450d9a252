"""The random affine A of Eq. 3: turn, shift and scale images a little, each by its own chance."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


@dataclass(frozen=True)
class Affine:
    """Ranges of the random affine; the defaults are the paper's.

    Attributes:
        probability: of being moved at all.
        rotation_deg: turned by up to this, to both sides.
        shift_frac: shifted by up to this share of the side, to all sides.
        scale: smallest and largest size, as a share.

    Source: arXiv 2411.15611 Sec. 4.2 (probability 0.5, 30 degrees, 10 %, 70-100 %).
    """

    probability: float = 0.5
    rotation_deg: float = 30.0
    shift_frac: float = 0.1
    scale: tuple[float, ...] = (0.7, 1.0)

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1 or self.rotation_deg < 0 or self.shift_frac < 0:
            raise ValueError("probability must lie from 0 to 1, and no range of the affine below 0")
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale must be [smallest, largest], both above 0, but is {list(self.scale)}")


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
        images: [B, 3, H, W].
        affines: [B, 2, 3] of `draw_affines`.
    """
    grid = F.affine_grid(affines.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
