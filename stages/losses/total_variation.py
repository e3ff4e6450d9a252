"""Total variation: keeps inverted images smooth (the R of Eq. 3)."""

import torch
from torch import Tensor

ALL, FIRST, LAST = slice(None), slice(None, -1), slice(1, None)
NEIGHBOURS = (  # rows and columns of a pixel, and of its neighbour: across, down and both diagonals
    ((ALL, LAST), (ALL, FIRST)),
    ((LAST, ALL), (FIRST, ALL)),
    ((LAST, LAST), (FIRST, FIRST)),
    ((LAST, FIRST), (FIRST, LAST)),
)


def total_variation(images: Tensor) -> Tensor:
    """How much neighbouring pixels differ, one number per image.

    For each of four directions (across, down and both diagonals) the 2-norm of all differences of a channel, summed
    over the directions and averaged over the channels. A norm over all pixels grows with the side of the image; the
    paper's weight 0.005 belongs to this form.

    Args:
        images: [B, 3, H, W], RGB in [0, 1]; H, W >= 2.

    Returns:
        [B], at least 0; 0 for a flat image, about 40 for a smooth one of 224 px, 280 for noise of that size.

    Raises:
        ValueError: images is not 4-D, or smaller than 2 x 2.

    Source: arXiv 2411.15611 Eq. 3 and Sec. 4.2 (weight 0.005, no formula); the form is that of the public code the
        paper builds on (Kazemi et al., "What do we learn from inverting CLIP models?").
    Differs: averaged over the channels of one image, not over the batch too, so that an image's pull does not depend
        on how many there are.
    """
    if images.ndim != 4 or min(images.shape[-2:]) < 2:
        raise ValueError(f"total_variation needs images [B, 3, H, W] of at least 2 x 2 pixels, got {[*images.shape]}")
    norms = [_norm(images[(..., *here)] - images[(..., *there)]) for here, there in NEIGHBOURS]
    return torch.stack(norms).sum(0).mean(1)[:, 0, 0]


def add_gradient(gradient: Tensor, images: Tensor, weight: float) -> None:
    """Add the gradient of `weight` x total_variation(images) to `gradient`, [B, 3, H, W], in place.

    The chain rule by hand: each difference over its norm goes to one neighbour, and with the other sign to the other.
    A quarter of the memory traffic of autograd's way, which keeps and revisits every difference.
    """
    for here, there in NEIGHBOURS:
        difference = images[(..., *here)] - images[(..., *there)]
        difference *= weight / images.shape[1] / _norm(difference)
        gradient[(..., *here)] += difference
        gradient[(..., *there)] -= difference


def _norm(difference: Tensor) -> Tensor:
    """[B, 3, 1, 1]; never 0, where a norm has no gradient: a floor far below 1/255 keeps a flat image at rest."""
    return torch.linalg.vector_norm(difference, dim=(2, 3), keepdim=True).clamp_min(1e-6)
