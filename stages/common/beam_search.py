"""Several sentences about each image followed at once; what becomes of them is for the caller's rule to say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


class Candidate(NamedTuple):
    """A sentence with one more token.

    Attributes:
        score: of all its tokens.
        beam: the place among the sentences followed of the one that it continues.
        tokens: all of them, from the start on.
        has_ended: whether the last one is the end.
    """

    score: float
    beam: int
    tokens: list[int]
    has_ended: bool


class Rule(Protocol):
    """What becomes of the sentences about one image.

    Attributes:
        is_done: whether nothing better can come.
    """

    is_done: bool

    def take(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those to be followed, of candidates from the best on; of twice as many beams, so that enough go on."""
        ...

    def best(self, followed: Sequence[Candidate]) -> list[int]:
        """Tokens of the best sentence, the end included where it has one; `followed` are those that were cut."""
        ...


class _Writing(Protocol):
    """`Writing` of stages/models/contract.py."""

    def next(self, tokens: Tensor) -> Tensor: ...

    def keep(self, rows: Tensor) -> None: ...


class _Captioner(Protocol):
    """What is asked of a model here; stages/models/contract.py has the rest."""

    start: int
    end: int
    pad: int

    def writing(self, seen: Tensor) -> _Writing: ...


@dataclass(frozen=True)
class Limits:
    """What a search keeps to.

    Attributes:
        beams: sentences followed at once.
        min_length: tokens before the end at least, the start included.
        max_length: tokens at most, start and end included.
    """

    beams: int
    min_length: int
    max_length: int


def beam_search(
    model: _Captioner,
    seen: Tensor,
    limits: Limits,
    rule: Callable[[Limits], Rule],
    worth: Callable[[Tensor], Tensor],
) -> Tensor:
    """The best sentence about each image, tokens [B, L], padded behind the end.

    Args:
        model: which writes.
        seen: what it is shown of the images, [B, T, D].
        limits: of every sentence.
        rule: makes what says what becomes of the sentences about one image.
        worth: scores [n, V] of the next token -> what is added up over a sentence, [n, V].
    """
    rules, writing = [rule(limits) for _ in seen], model.writing(seen)
    followed = [[Candidate(0.0, 0, [model.start], has_ended=False)] for _ in rules]
    going_on = range(len(rules))
    for length in range(1, limits.max_length):
        before = [followed[image] for image in going_on]
        newest = torch.tensor([one.tokens[-1] for own in before for one in own], device=seen.device)
        added = worth(writing.next(newest).float())
        if length < limits.min_length:
            added[:, model.end] = -torch.inf
        for image, own in zip(going_on, _best(before, added, limits.beams, model.end), strict=True):
            followed[image] = rules[image].take(own)
        places = [place for place, image in enumerate(going_on) if not rules[image].is_done]
        going_on = [going_on[place] for place in places]
        if not places or length + 1 == limits.max_length:
            break
        width = len(before[0])
        rows = [
            place * width + one.beam for place, image in zip(places, going_on, strict=True) for one in followed[image]
        ]
        writing.keep(torch.tensor(rows, device=seen.device))
    found = [torch.tensor(one.best(own), device=seen.device) for one, own in zip(rules, followed, strict=True)]
    return pad_sequence(found, batch_first=True, padding_value=model.pad)


def _best(followed: list[list[Candidate]], added: Tensor, beams: int, end: int) -> list[list[Candidate]]:
    """Of each image the best continuations of all that are followed, twice as many as beams, from the best on."""
    before = torch.tensor([[one.score for one in own] for own in followed], device=added.device)
    totals = before[:, :, None] + added.view(*before.shape, -1)
    scores, places = totals.flatten(1).topk(2 * beams)
    parents, tokens = (places // totals.shape[2]).tolist(), (places % totals.shape[2]).tolist()
    return [
        [
            Candidate(score, parent, [*own[parent].tokens, token], token == end)
            for score, parent, token in zip(*found, strict=True)
        ]
        for own, *found in zip(followed, scores.tolist(), parents, tokens, strict=True)
    ]
