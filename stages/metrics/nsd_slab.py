"""Normalised surface Dice of masks that are taken for bodies one voxel thick, as the authors' public code takes them.

There a mask [H, W] becomes [H, W, 1] and is measured in three dimensions, tolerance two voxels. The two flat faces are
then surface as well, so nearly all of it is inside: the number is far above that of the outlines (0.95 instead of 0.44
for two discs whose Dice is 0.90), and the NSD of the paper's Table 4, above its DSC throughout, is most probably this.

Source: evaluation/eval.py of carloalbertobarbano/MedCLIP-SAMv2; computed by MONAI 1.6, equal to DeepMind's
    surface-distance in three dimensions.
"""

import numpy as np

from stages.common.mask_scores import surface_dice

TASK = "segmentation"
HIGHER_IS_BETTER = True
ROLES = ("target", "retention")
OF = "masks"


def compute(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Normalised surface Dice of each mask as a slab.

    Args:
        truth: [H, W] bool.
        found: [P, H, W] bool.

    Returns:
        [P] float64 in [0, 1]; 1 where both are empty, 0 where one is.
    """
    return surface_dice(truth, found, is_slab=True)
