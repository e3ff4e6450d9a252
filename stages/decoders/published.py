"""The decoder `published`: the beam search that the figures of open_clip's CoCa come from, the paper's among them.

It adds up the scores as the network gives them, which are no log-probabilities, and divides them by the tokens of a
sentence, the start included; as scores are mostly above 0, length does not cost a sentence anything. The beams are in
three groups that are kept apart but not told to differ, so that all three follow the same sentences: it is a search
with a third of the beams, two of six, and the other groups are left out here. A sentence that is cut counts as one that
ends.

Source: open_clip 3.3.0 `_generate_beamsearch`, and `BeamSearchScorer` of transformers 4.55.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from stages.common.beam_search import Candidate, Limits, beam_search
from stages.common.decoding import GROUPS, Settings
from stages.models.contract import Captioner


class Sentences:
    """Those about one image that were set aside; see `Rule` of stages/common/beam_search.py."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._finished: list[tuple[float, list[int]]] = []  # score over length, tokens; in the order that they came
        self.is_done = False

    def take(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Sets aside those that end among the best; the others are followed."""
        beams, length = self._limits.beams, len(candidates[0].tokens)
        for one in candidates[:beams]:
            if one.has_ended:
                self._set_aside(one.score / length, one.tokens)
        worst = min((score for score, _ in self._finished), default=-torch.inf)
        self.is_done = len(self._finished) == beams and worst >= candidates[0].score / length
        return [one for one in candidates if not one.has_ended][:beams]

    def _set_aside(self, score: float, tokens: list[int]) -> None:
        """Keeps as many as beams; a later one takes the place of the worst only where it is better."""
        worst = min(self._finished, default=None, key=lambda one: one[0])
        if len(self._finished) < self._limits.beams:
            self._finished.append((score, tokens))
        elif score > worst[0]:
            self._finished.remove(worst)
            self._finished.append((score, tokens))

    def best(self, followed: Sequence[Candidate]) -> list[int]:
        """That of the highest score over its length, of those set aside and, unless nothing better could come, cut."""
        if not self.is_done:
            for one in followed:
                self._set_aside(one.score / len(one.tokens), one.tokens)
        return sorted(self._finished, key=lambda one: one[0])[-1][1]


def decode(model: Captioner, seen: Tensor, settings: Settings) -> Tensor:
    """Tokens [B, L]."""
    limits = Limits(settings.beams // GROUPS, settings.min_length, settings.max_length)
    return beam_search(model, seen, limits, Sentences, lambda scores: scores)
