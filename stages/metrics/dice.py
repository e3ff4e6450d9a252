"""Dice: twice the pixels that both masks have, over those of either mask added up; also called F1.

The DSC of the paper's Table 4.

Source: computed by MONAI 1.6.
"""

import numpy as np

from stages.common.mask_scores import overlap

TASK = "segmentation"
HIGHER_IS_BETTER = True
ROLES = ("target", "retention")
OF = "masks"


def compute(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Dice of each mask.

    Args:
        truth: [H, W] bool.
        found: [P, H, W] bool.

    Returns:
        [P] float64 in [0, 1]; 1 where both are empty.
    """
    from monai.metrics import compute_dice

    return overlap(truth, found, compute_dice)
