"""Normalised surface Dice: the share of both outlines that lies within two pixels of the other one.

It asks about the border alone, so that a large mask is not good because of its inside. `nsd_slab` is the number to hold
beside the paper's.

Source: Nikolov et al., arXiv 1809.04430; computed by MONAI 1.6, equal to DeepMind's surface-distance in two dimensions.
"""

import numpy as np

from stages.common.mask_scores import surface_dice

TASK = "segmentation"
HIGHER_IS_BETTER = True
ROLES = ("target", "retention")
OF = "masks"


def compute(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Normalised surface Dice of each mask.

    Args:
        truth: [H, W] bool.
        found: [P, H, W] bool.

    Returns:
        [P] float64 in [0, 1]; 1 where both are empty, 0 where one is.
    """
    return surface_dice(truth, found, is_slab=False)
