"""Connected parts of a mask, its box, and points that stand for it."""

import numpy as np
from scipy import ndimage

NEIGHBOURS = np.ones((3, 3), bool)  # a pixel touches all eight around it


def largest(mask: np.ndarray, n: int) -> np.ndarray:
    """A mask of its n largest connected parts alone.

    Args:
        mask: [H, W] bool.
        n: how many are kept; of equal ones those whose first pixel comes first in reading order.

    Returns:
        [H, W] bool; empty where the mask is.
    """
    parts, _ = ndimage.label(mask, NEIGHBOURS)
    numbers, first, sizes = np.unique(parts, return_index=True, return_counts=True)
    is_part = numbers > 0  # 0 is what the mask leaves out
    order = np.lexsort((first[is_part], -sizes[is_part]))
    return np.isin(parts, numbers[is_part][order[:n]])


def box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The smallest box around all of a mask: x0, y0, x1, y1 in pixels, the last ones included.

    Raises:
        ValueError: the mask, [H, W] bool, is empty.
    """
    if not mask.any():
        raise ValueError("an empty mask has no box")
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def points(saliency: np.ndarray, mask: np.ndarray, n: int) -> np.ndarray:
    """Points of a mask that are salient and far from each other.

    The first is the peak of the saliency. Each further one has the largest product of saliency and distance to the
    nearest that is chosen already. Of equal places the first in reading order counts.

    Args:
        saliency: [H, W], in [0, 1].
        mask: [H, W] bool, where points may lie.
        n: how many; there are fewer where the mask has fewer places that are salient at all.

    Returns:
        [n or fewer, 2] int, x and y; none of an empty mask.
    """
    y, x = np.nonzero(mask)
    weights = saliency[mask].astype(np.float64)
    chosen, distance = [], np.ones(len(x))
    while len(chosen) < min(n, len(x)):
        best = int((weights * distance).argmax())
        if chosen and weights[best] * distance[best] == 0:
            break
        to_best = np.hypot(x - x[best], y - y[best])
        distance = np.minimum(distance, to_best) if chosen else to_best
        chosen.append((x[best], y[best]))
    return np.array(chosen, int).reshape(-1, 2)
