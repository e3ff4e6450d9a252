"""Everything above a threshold: `threshold` of the run's `segmentation`.

Source: MedCLIP-SAMv2, arXiv 2409.19483, whose public code takes 0.3.
"""

import numpy as np

from stages.common.segmenting import Settings


def coarse(saliency: np.ndarray, settings: Settings) -> np.ndarray:
    """What is above `threshold`.

    Args:
        saliency: [H, W] float32, in [0, 1].
        settings: of which `threshold` is read.

    Returns:
        [H, W] bool; empty for a map that is the same everywhere.
    """
    if saliency.min() == saliency.max():
        return np.zeros(saliency.shape, bool)
    return saliency > settings.threshold
