"""Top-5 accuracy: the true class is among the five closest."""

import numpy as np

HIGHER_IS_BETTER = True


def compute(similarity: np.ndarray, labels: np.ndarray, new: set[int]) -> np.ndarray:
    """Hit: at most four other classes are as close as the true one, or closer.

    With five classes or fewer every picture is a hit.

    Args:
        similarity: [N, K], pictures x class names, higher is closer.
        labels: [N] int, the true column of each picture.
        new: not used here.

    Returns:
        [N] bool.
    """
    true = np.take_along_axis(similarity, labels[:, None], axis=1)
    return (similarity >= true).sum(axis=1) <= 5
