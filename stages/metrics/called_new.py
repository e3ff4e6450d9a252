"""Share of pictures that are called by a taught name.

On pictures of known classes each hit is an error of a special kind: the model now sees the new concept where there is
none. A retention accuracy alone does not tell this from any other confusion.
"""

import numpy as np

TASK = "classification"
HIGHER_IS_BETTER = False
ROLES = ("retention",)  # of a taught concept a taught name is the right answer


def compute(similarity: np.ndarray, labels: np.ndarray, new: set[int]) -> np.ndarray:
    """Hit: the closest class is one of the taught names.

    Args:
        similarity: [N, K], pictures x class names, higher is closer.
        labels: [N] int, not used: the metric asks what the model says, not what is true.
        new: columns that are taught names; none gives no hit.

    Returns:
        [N] bool.
    """
    return np.isin(similarity.argmax(axis=1), sorted(new))


def chance(n_classes: int, n_new: int) -> float:
    """What guessing scores: the share of the names that are taught ones."""
    return n_new / n_classes
