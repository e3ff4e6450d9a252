"""How far the random affine A of Eq. 3 may move an image; what it does is in affine.py."""

from dataclasses import dataclass


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
