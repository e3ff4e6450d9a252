"""Text retrieval, R@1, R@5 and R@10: a picture finds one of its captions among all.

It is what the field calls recall and is a hit rate: one caption of the picture's five among the k closest will do.
"""

import math

import numpy as np

TASK = "retrieval"
HIGHER_IS_BETTER = True
ROLES = ("target",)
AT = (1, 5, 10)


def compute(similarity: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """The place of each picture's closest caption of its own.

    Args:
        similarity: [N, M], pictures x captions, higher is closer; -inf: nobody looked at that pair.
        owners: [M] int, the picture that each caption tells of.

    Returns:
        [N] int, from 1. Example: similarity [[3, 1, 2], [2, 9, 1]] with owners [0, 0, 1] gives [1, 3].
    """
    places = np.empty(len(similarity), int)
    for picture, scores in enumerate(similarity):
        own = owners == picture
        closest = scores[own].max()
        before = ~(scores[~own] < closest)  # not `>=`, with which no number would stand behind
        places[picture] = before.sum() + 1 if closest > -np.inf else len(owners) + 1
    return places


def chance(owners: np.ndarray, at: int) -> float:
    """What guessing scores: one caption at least of m among k drawn from M, mean over pictures."""
    captions = len(owners)
    if at >= captions:
        return 1.0
    missed = (math.comb(captions - int(own), at) / math.comb(captions, at) for own in np.bincount(owners))
    return 1 - math.fsum(missed) / (int(owners.max()) + 1)
