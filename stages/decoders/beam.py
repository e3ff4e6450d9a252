"""The decoder `beam`: of several sentences followed at once, the one of the highest mean log-probability.

A sentence that ends among the best is set aside. The search is over when as many as are followed were set aside, and
the best that is followed is, by its mean so far, no better than the worst of those.

Source: the search of transformers' `generate`, with early_stopping False and length_penalty 1.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from stages.common.beam_search import Candidate, Limits, beam_search
from stages.common.decoding import Settings
from stages.models.contract import Captioner


class Sentences:
    """Those about one image that were set aside; see `Rule` of stages/common/beam_search.py."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._finished: list[tuple[float, list[int]]] = []  # mean, tokens; from the best on
        self.is_done = False

    def take(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Sets aside those that end, or are cut, among the best; the others are followed."""
        written = len(candidates[0].tokens) - 1  # the start was given
        is_last = written + 1 == self._limits.max_length
        beams = self._limits.beams
        ended = [(one.score / written, one.tokens) for one in candidates[:beams] if one.has_ended or is_last]
        self._finished = sorted(self._finished + ended, key=lambda one: -one[0])[:beams]
        followed = [one for one in candidates if not one.has_ended][:beams]
        self.is_done = len(self._finished) == beams and followed[0].score / written <= self._finished[-1][0]
        return followed

    def best(self, followed: Sequence[Candidate]) -> list[int]:
        """That of the highest mean; those that were cut have been set aside, too."""
        return self._finished[0][1]


def decode(model: Captioner, seen: Tensor, settings: Settings) -> Tensor:
    """Tokens [B, L]."""
    limits = Limits(settings.beams, settings.min_length, settings.max_length)
    return beam_search(model, seen, limits, Sentences, lambda scores: F.log_softmax(scores, dim=1))
