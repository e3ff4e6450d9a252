"""Pointing game: whether the most salient place lies on the object.

It judges the map itself, before clusters and a segmenter make a mask of it.

Source: Zhang et al., Top-down neural attention by excitation backprop, arXiv 1608.00507.
Differs: there a place within 15 pixels of the object is a hit, too.
"""

import numpy as np

TASK = "segmentation"
HIGHER_IS_BETTER = True
ROLES = ("target", "retention")
OF = "maps"


def compute(truth: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Hit or miss of each map.

    Args:
        truth: [H, W] bool; an empty one is never hit.
        maps: [P, H, W] float32; of equal maxima the first in reading order counts.

    Returns:
        [P] float64, 1 or 0; 0 for a map that is the same everywhere, which points nowhere.
    """
    flat = maps.reshape(len(maps), -1)
    hits = truth.ravel()[flat.argmax(axis=1)]
    return (hits & (flat.max(axis=1) > flat.min(axis=1))).astype(np.float64)
