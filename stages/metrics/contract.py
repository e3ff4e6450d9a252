"""What a metric is: a file of this folder with TASK, HIGHER_IS_BETTER, ROLES, compute, and chance or lacking.

A metric answers for each query whether it is a hit; the value is the share of hits. So every label's own value and
every interval follow from the same array. A query is a picture, or in retrieval a picture or a caption.

`top1.py` is found as `top1` in the list `metrics:` of a run; a new file needs no other place. Each metric is asked of
the benchmarks of its TASK. One of retrieval says at which place the first right answer stands, and gives a row for each
k of AT: `text_recall@5` is the share of queries whose first right answer is among the five closest. One of captioning
gets what every model of a run wrote about the same pictures, all at once, since some start a program for it; it says
beforehand whether it can run on this machine, for a number that cannot be had is missing and not 0. One of segmentation
gives every picture a number, of the masks or of the saliency maps that several models made of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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


class MetricError(Exception):
    """A metric of captioning could not be computed after all; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class Shown:
    """What is known of the N pictures that captions were asked of.

    Attributes:
        references: of each picture what people say of it, one sentence at least.
        tokens: the same as the tokens that are compared, a blank between them.
        taught: names that the model was taught.
        known: names of the classes that it knew before.
    """

    references: tuple[tuple[str, ...], ...]
    tokens: tuple[tuple[str, ...], ...]
    taught: tuple[str, ...]
    known: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """What one model wrote.

    Attributes:
        captions: one of each picture, N.
        tokens: the same as tokens, by what made those of the references.
    """

    captions: tuple[str, ...]
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class Number:
    """One number of one model.

    Attributes:
        metric: what rows call it.
        label: "all", or the name of the concept that it is about.
        value: as the metric's own program gives it: a fraction, of CIDEr up to 10.
        n: pictures behind it.
        low: lower end of its 95 % interval.
        high: upper end.
        each: [N], every picture's own number, where it has one.
    """

    metric: str
    label: str
    value: float
    n: int
    low: float
    high: float
    each: np.ndarray | None = None


class CaptionMetric(Protocol):
    """The names that the module of a metric of captioning holds.

    Attributes:
        TASK: "captioning", written as a plain text.
        HIGHER_IS_BETTER: True.
        ROLES: as in Metric; captions are a target alone.
    """

    TASK: str
    HIGHER_IS_BETTER: bool
    ROLES: tuple[str, ...]

    @staticmethod
    def lacking() -> str:
        """Why it cannot be computed on this machine and what to do, as the end of a sentence; "" where it can.

        Quick: nothing is computed, and nothing is fetched over a network.
        """
        ...

    @staticmethod
    def compute(shown: Shown, written: Sequence[Written]) -> list[list[Number]]:
        """The numbers of each model, in the order of `written`; none of what no picture asks.

        Raises:
            MetricError: it failed, which `lacking` could not foresee.
        """
        ...


class MaskMetric(Protocol):
    """The names that the module of a metric of segmentation holds.

    Attributes:
        TASK: "segmentation", written as a plain text.
        HIGHER_IS_BETTER: whether more is better.
        ROLES: as in Metric.
        OF: what it is computed of, written as a plain text: "masks", "maps" or "prompts".
    """

    TASK: str
    HIGHER_IS_BETTER: bool
    ROLES: tuple[str, ...]
    OF: str

    @staticmethod
    def compute(reference: np.ndarray, found: np.ndarray) -> np.ndarray:
        """One number for each of P masks or maps of one picture; the metric's value is the mean over pictures.

        Args:
            reference: of masks and maps the true mask, [H, W] bool, which is never empty where evaluation asks; of
                prompts the maps of the picture's own prompt, [P, H, W] float32 in [0, 1].
            found: [P, H, W]: masks, bool; maps, float32 in [0, 1]; of prompts the maps of a random other prompt.

        Returns:
            [P] float64. Of masks 1 where both are empty and 0 where one is; a map that is the same everywhere points
            nowhere and correlates with none: 0.
        """
        ...
