"""Top-1 accuracy: the true class has the highest similarity."""

import numpy as np

TASK = "classification"
HIGHER_IS_BETTER = True
ROLES = ("target", "retention")


def compute(similarity: np.ndarray, labels: np.ndarray, new: set[int]) -> np.ndarray:
    """Hit: no other class is as close as the true one.

    A tie is a miss, so that a model which answers the same for all classes scores 0 and not the share of class 0.

    Args:
        similarity: [N, K], pictures x class names, higher is closer.
        labels: [N] int, the true column of each picture.
        new: not used here.

    Returns:
        [N] bool. Example: similarity [[1, 3], [5, 2]] with labels [1, 1] gives [True, False].
    """
    true = np.take_along_axis(similarity, labels[:, None], axis=1)
    return (similarity >= true).sum(axis=1) == 1


def chance(n_classes: int, n_new: int) -> float:
    """What guessing scores: one in K."""
    return 1 / n_classes
