"""A measure of MONAI asked of many masks of one picture; MONAI is imported where a mask is measured, and no earlier."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor, from_numpy

from stages.common.regions import box

TOLERANCE = 2.0  # pixels; what the authors' public code takes


def scores(truth: np.ndarray, found: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """How well each mask that was found agrees with the true one.

    The measure is asked only where both are there: of an empty one MONAI warns or gives NaN.

    Args:
        truth: [H, W] bool.
        found: [P, H, W] bool.
        measure: of the truth and found masks, none of which is empty: [P].

    Returns:
        [P] float64; 1 where both are empty, 0 where one of them is.
    """
    is_there = found.any(axis=(1, 2))
    if not truth.any():
        return (~is_there).astype(np.float64)
    values = np.zeros(len(found))
    if is_there.any():
        values[is_there] = measure(truth, found[is_there])
    return values


def overlap(truth: np.ndarray, found: np.ndarray, measure: Callable[[Tensor, Tensor], Tensor]) -> np.ndarray:
    """`scores` of a measure of MONAI that takes predictions and truth as float [P, 1, H, W], and gives [P, 1]."""

    def asked(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
        predicted, true = (from_numpy(np.ascontiguousarray(masks)).float() for masks in (found, truth))
        return measure(predicted[:, None], true.expand(predicted.shape)[:, None])[:, 0].numpy()

    return scores(truth, found, asked)


def surface_dice(truth: np.ndarray, found: np.ndarray, *, is_slab: bool) -> np.ndarray:
    """`scores` of the share of both borders that lies within TOLERANCE of the other one.

    Borders and their lengths are MONAI's, and so DeepMind's: they run between the pixels. Distances are not: its search
    for the nearest place takes a second for a large slab, a distance transform of the picture a fraction of that.

    Args:
        truth: [H, W] bool.
        found: [P, H, W] bool.
        is_slab: masks are bodies one voxel thick, whose flat faces are surface, too.
    """
    return scores(truth, found, lambda truth, found: np.array([_near(truth, one, is_slab) for one in found]))


def _near(truth: np.ndarray, found: np.ndarray, is_slab: bool) -> float:
    """The share for one mask."""
    from monai.metrics.utils import get_mask_edges

    masks = [from_numpy(mask) for mask in _cut(np.stack([found, truth]))]
    if is_slab:  # of its two faces, which are alike, one is looked at: the nearest place is on the same one
        masks = [torch.stack([torch.zeros_like(mask), mask], dim=-1) for mask in masks]
    (*borders, first, second) = (
        part.reshape(part.shape[:2]).numpy()
        for part in get_mask_edges(*masks, crop=False, spacing=(1,) * masks[0].ndim)
    )
    whole, near = 0.0, 0.0
    for own, other, lengths in ((*borders, first), (*borders[::-1], second)):
        whole += lengths[own].sum(dtype=np.float64)
        near += lengths[own & (distance_transform_edt(~other) <= TOLERANCE)].sum(dtype=np.float64)
    return float(near / whole)


def _cut(masks: np.ndarray) -> np.ndarray:
    """What of masks [2, H, W] lies in the box around both of them, with a pixel of nothing on every side."""
    x0, y0, x1, y1 = box(masks.any(axis=0))
    return np.pad(masks[:, y0 : y1 + 1, x0 : x1 + 1], ((0, 0), (1, 1), (1, 1)))
