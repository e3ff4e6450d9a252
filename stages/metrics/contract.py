"""What a metric is: a file of this folder with TASK, HIGHER_IS_BETTER, ROLES, compute and chance.

A metric answers for each query whether it is a hit; the value is the share of hits. So every label's own value and
every interval follow from the same array. A query is a picture, or in retrieval a picture or a caption.

`top1.py` is found as `top1` in the list `metrics:` of a run; a new file needs no other place. Each metric is asked of
the benchmarks of its TASK. One of retrieval says at which place the first right answer stands, and gives a row for each
k of AT: `text_recall@5` is the share of queries whose first right answer is among the five closest.
"""

from typing import Protocol

import numpy as np


class Metric(Protocol):
    """The names that the module of a metric of classification holds.

    Attributes:
        TASK: "classification", written as a plain text.
        HIGHER_IS_BETTER: whether a perfect model scores 1, or else 0.
        ROLES: the benchmarks that it is asked of, "target" and "retention" or one of them.
    """

    TASK: str
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


class RetrievalMetric(Protocol):
    """The names that the module of a metric of retrieval holds.

    Attributes:
        TASK: "retrieval", written as a plain text.
        HIGHER_IS_BETTER: True.
        ROLES: as in Metric.
        AT: each k for which there is a row.
    """

    TASK: str
    HIGHER_IS_BETTER: bool
    ROLES: tuple[str, ...]
    AT: tuple[int, ...]

    @staticmethod
    def compute(similarity: np.ndarray, owners: np.ndarray) -> np.ndarray:
        """Tells for each query at which place, counted from 1, its first right answer stands.

        A tie counts against: what is as close as the right answer stands before it, and so does what is no number. A
        right answer of -inf, a pair that nobody looked at, stands behind the last place.

        Args:
            similarity: [N, M], pictures x captions, higher is closer.
            owners: [M] int, the picture that each caption tells of; each picture has one at least.

        Returns:
            [Q] int; the share that is at most k is the recall at k.
        """
        ...

    @staticmethod
    def chance(owners: np.ndarray, at: int) -> float:
        """What guessing scores at k, in [0, 1].

        Args:
            owners: as in `compute`.
            at: k.
        """
        ...
