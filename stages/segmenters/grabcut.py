"""GrabCut of OpenCV, a stand-in for a SAM: it needs no weights, and runs in a tenth of a second on a CPU.

Colours inside and outside of the coarse mask are modelled, and a cut is sought that separates them along edges. What is
most salient is certainly object, the coarse mask probably, a band around its box probably not, the rest certainly not.
It sees colours and edges alone, so its numbers are not to be held beside those of a SAM.

A large picture is made smaller first: colours are then less noisy, and the mask better. Sizes were chosen on
data/world/known_development, which nothing is measured on; discs in uneven light and noise agree with them.

Source: Rother et al., GrabCut, SIGGRAPH 2004; OpenCV's implementation, started from a mask.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stages.common import regions
from stages.common.failures import UserError
from stages.common.segmenting import Settings
from stages.segmenters.contract import Prompt

WEIGHTS = None
SIDE = 256  # pixels, the longer side at most
BLUR = 0.01  # deviation, as a share of the shorter side
BAND = 0.125  # width, as a share of the shorter side
SURE = 0.9  # saliency above which a pixel of the coarse mask is certainly object
PASSES = 5


class GrabCut:
    """GrabCut behind the contract of stages/segmenters/contract.py.

    Args:
        settings: of which `components` is read.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    def masks(self, picture: np.ndarray, prompts: Sequence[Prompt]) -> np.ndarray:
        """[P, H, W] bool, of each the largest `components`; the coarse mask where the colours tell nothing apart."""
        height, width = picture.shape[:2]
        scale = min(1.0, SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))  # as OpenCV has it
        small = _blurred(_resized(picture, size))
        drawn = [_mask(small, prompt) if prompt.coarse.any() else prompt.coarse for prompt in prompts]
        masks = [regions.largest(mask, self.settings.components) for mask in drawn]
        return np.array(masks, bool).reshape(len(prompts), height, width)


def load(settings: Settings, device: torch.device, where: str) -> GrabCut:
    """The segmenter, which computes on the CPU whatever the device is.

    Raises:
        UserError: the settings name weights.
    """
    if settings.weights is not None:
        raise UserError(f"{where}.weights says {settings.weights!r}, but grabcut takes no weights: write null.")
    return GrabCut(settings)


def _mask(picture: np.ndarray, prompt: Prompt) -> np.ndarray:
    """The mask of one prompt that is not empty, at the prompt's own size."""
    import cv2

    height, width = picture.shape[:2]
    coarse, saliency = (_resized(part.astype(np.float32), (width, height)) for part in (prompt.coarse, prompt.saliency))
    seeds = _seeds(saliency, coarse > 0.5)
    models = np.zeros((2, 1, 65))  # of background and object, filled by OpenCV
    cv2.setRNGSeed(0)  # its k-means draws lots
    try:
        cv2.grabCut(picture, seeds, None, *models, PASSES, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # no background is left, or the mask has vanished in the small picture
        return prompt.coarse
    drawn = ((seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD)).astype(np.float32)
    found = _resized(drawn, prompt.coarse.shape[::-1]) > 0.5
    return found if found.any() else prompt.coarse


def _seeds(saliency: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """What is known beforehand of each pixel, [h, w] uint8 in OpenCV's numbers."""
    import cv2

    seeds = np.full(coarse.shape, cv2.GC_BGD, np.uint8)
    if coarse.any():
        x0, y0, x1, y1 = regions.box(coarse)
        band = round(BAND * min(coarse.shape))
        seeds[max(0, y0 - band) : y1 + band + 1, max(0, x0 - band) : x1 + band + 1] = cv2.GC_PR_BGD
        seeds[coarse] = cv2.GC_PR_FGD
        seeds[coarse & (saliency > SURE)] = cv2.GC_FGD
    return seeds


def _blurred(picture: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(picture, (0, 0), BLUR * min(picture.shape[:2]))


def _resized(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """At a size in pixels, width first; the mean of what falls together, or what lies between."""
    import cv2

    if array.shape[1::-1] == size:
        return np.ascontiguousarray(array)
    is_smaller = size[0] < array.shape[1]
    return cv2.resize(array, size, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR)
