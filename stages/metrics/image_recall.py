"""Image retrieval, R@1, R@5 and R@10: a caption finds its picture among all."""

import numpy as np

TASK = "retrieval"
HIGHER_IS_BETTER = True
ROLES = ("target",)
AT = (1, 5, 10)


def compute(similarity: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """The place of each caption's picture.

    Args:
        similarity: [N, M], pictures x captions, higher is closer; -inf: nobody looked at that pair.
        owners: [M] int, the picture that each caption tells of.

    Returns:
        [M] int, from 1. Example: similarity [[3, 1, 2], [2, 9, 1]] with owners [0, 0, 1] gives [1, 2, 2].
    """
    own = similarity[owners, np.arange(len(owners))]
    places = (~(similarity < own)).sum(axis=0)  # with the picture itself; not `>=`, or no number would stand behind
    return np.where(own > -np.inf, places, len(similarity) + 1)


def chance(owners: np.ndarray, at: int) -> float:
    """What guessing scores: k in N."""
    return min(1.0, at / (int(owners.max()) + 1))
