"""BLEU@4: share of a model's word sequences, of one to four words, that stand in a reference of the same picture.

Counted over all pictures together, geometric mean of the four lengths, times a penalty where captions are shorter than
the reference nearest in length. It is no mean over pictures, so its bootstrap sums the counts of the drawn pictures.

Source: Papineni et al., BLEU, ACL 2002; computed by pycocoevalcap 1.2, reference length "closest".
"""

from collections.abc import Sequence

import numpy as np

from stages.common.bootstrap import interval
from stages.metrics.contract import Number, Shown, Written

TASK = "captioning"
HIGHER_IS_BETTER = True
ROLES = ("target",)
LONGEST = 4
SMALL, TINY = 1e-9, 1e-15  # of pycocoevalcap, so that nothing is divided by 0


def lacking() -> str:
    """Nothing: it needs no other program."""
    return ""


def compute(shown: Shown, written: Sequence[Written]) -> list[list[Number]]:
    """BLEU@4 of each model with its bootstrap over pictures."""
    return [[_number(shown, one)] for one in written]


def _number(shown: Shown, written: Written) -> Number:
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    scorer = BleuScorer(n=LONGEST)
    for caption, references in zip(written.tokens, shown.tokens, strict=True):
        scorer += (caption, list(references))
    value = scorer.compute_score(option="closest", verbose=0)[0][-1]
    counts = np.array([_counts(one) for one in scorer.ctest], float)
    return Number("bleu4", "all", value, len(counts), *interval(counts, bleu_of))


def _counts(one: dict) -> list[int]:
    """Of one caption: its length, that of the reference nearest in length, then n-grams and those found, n = 1 to 4."""
    nearest = min((abs(length - one["testlen"]), length) for length in one["reflen"])[1]
    return [one["testlen"], nearest, *one["guess"], *one["correct"]]


def bleu_of(sums: np.ndarray) -> np.ndarray:
    """BLEU@4 [D] of counts [D, 10] that were summed over pictures, each row as `_counts` orders them."""
    length, reference, n_grams, found = np.split(sums, [1, 2, 2 + LONGEST], axis=1)
    precision = np.prod((found + TINY) / (n_grams + SMALL), axis=1) ** (1 / LONGEST)
    ratio = (length[:, 0] + TINY) / (reference[:, 0] + SMALL)
    return precision * np.exp(np.minimum(0, 1 - 1 / ratio))
