"""Two clusters of a map's values, k-means: the object is what is nearer to the upper centre.

The centres start at the least and the greatest value, so that nothing is left to chance. They are found on a map of at
most 256 pixels a side.

Differs: the public code also draws the mask at that size and enlarges it; here each pixel of the whole map is asked.
Source: MedCLIP-SAMv2, arXiv 2409.19483; postprocess_saliency_maps.py of its public code.
"""

import numpy as np
from scipy.cluster.vq import kmeans2

from stages.common.segmenting import Settings

SIDE = 256  # pixels
STEPS = 30  # k-means; of one dimension it settles in 10 or so


def coarse(saliency: np.ndarray, settings: Settings) -> np.ndarray:
    """What is nearer to the upper of two centres.

    Args:
        saliency: [H, W] float32, in [0, 1].
        settings: not used.

    Returns:
        [H, W] bool; empty for a map that is the same everywhere.
    """
    values = _thinned(saliency).reshape(-1, 1).astype(np.float64)
    least, greatest = values.min(), values.max()
    if least == greatest:
        return np.zeros(saliency.shape, bool)
    centres, _ = kmeans2(values, np.array([[least], [greatest]]), iter=STEPS, minit="matrix")
    return saliency > centres.mean()


def _thinned(saliency: np.ndarray) -> np.ndarray:
    """A map of at most SIDE pixels a side, the nearest pixel at each place."""
    rows, columns = (_places(length) for length in saliency.shape)
    return saliency[np.ix_(rows, columns)]


def _places(length: int) -> np.ndarray:
    """Of so many pixels in a row those in the middle of SIDE equal parts, or all of them."""
    kept = min(length, SIDE)
    return ((np.arange(kept) + 0.5) * length / kept).astype(int)
