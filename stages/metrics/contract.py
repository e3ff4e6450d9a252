"""What a metric is: a file of this folder with HIGHER_IS_BETTER, ROLES, compute and chance.

A metric answers for each picture whether it is a hit; the value is the share of hits. So every label's own value and
every interval follow from the same array.

`top1.py` is found as `top1` in the list `metrics:` of a run; a new file needs no other place.
"""

from typing import Protocol

import numpy as np


class Metric(Protocol):
    """The names a metric's module holds.

    Attributes:
        HIGHER_IS_BETTER: whether a perfect model scores 1, or else 0.
        ROLES: the benchmarks that it is asked of, "target" and "retention" or one of them.
    """

    HIGHER_IS_BETTER: bool
    ROLES: tuple[str, ...]

    @staticmethod
    def compute(similarity: np.ndarray, labels: np.ndarray, new: set[int]) -> np.ndarray:
        """Tells for each picture whether it is a hit.

        Args:
            similarity: [N, K], pictures x class names, higher is closer.
            labels: [N] int, the true column of each picture.
            new: columns that are taught names, those that the model did not know before.

        Returns:
            [N] bool; its mean is the metric's value, in [0, 1].
        """
        ...

    @staticmethod
    def chance(n_classes: int, n_new: int) -> float:
        """What guessing scores, in [0, 1].

        Args:
            n_classes: K.
            n_new: how many of them are taught names.
        """
        ...
