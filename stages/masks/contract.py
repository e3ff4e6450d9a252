"""What makes a coarse mask of a saliency map: a file of this folder, found by its name in `segmentation.mask` of a run.

MedCLIP-SAMv2 also knows a dense CRF. It is not here: no maintained package offers one that installs beside ours
(pydensecrf and its forks have no wheels for today's Python, MONAI's needs a compiled extension).
"""

from typing import Protocol

import numpy as np

from stages.common import lookup, regions
from stages.common.segmenting import Settings


class Method(Protocol):
    """The names that the module of a method holds."""

    @staticmethod
    def coarse(saliency: np.ndarray, settings: Settings) -> np.ndarray:
        """What of a map is the object.

        Args:
            saliency: [H, W] float32, in [0, 1].
            settings: of which `mask` is this method.

        Returns:
            [H, W] bool; empty for a map that is the same everywhere, which says nothing.
        """
        ...


def coarse_mask(saliency: np.ndarray, settings: Settings) -> np.ndarray:
    """The mask [H, W] of a map [H, W], by the method of the settings, of which the largest `components` are kept.

    Raises:
        UserError: no such method.
    """
    method = lookup.find("stages.masks", settings.mask, "segmentation.mask")
    return regions.largest(method.coarse(saliency, settings), settings.components)
