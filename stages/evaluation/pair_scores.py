"""Scores of every pair of a benchmark's pictures and texts by a model of one joint encoder, in shards that stay.

A joint encoder has no embedding to compare: each pair goes through all of it. Flickr30k's 1,000 pictures and 5,000
captions are five million pairs. So finished shards, a few pictures with all texts, are kept in .cache/scored: what was
killed goes on where it was, and the untouched model is scored once for all runs. Checkpoints that share their lower
layers are scored together, pair by pair: what a pair is behind those layers is computed once for all of them.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from stages.common import paths
from stages.common.atomic import write_bytes
from stages.common.pictures import Pictures
from stages.common.progress import progress
from stages.common.side_by_side import side_by_side
from stages.models.contract import JointEncoder

SHARD = 4096  # pairs, about: seconds of work on a GPU with a model of the usual size
LEFT_OUT = -np.inf  # the score of a pair that a pre-filter left out
State = Mapping[str, torch.Tensor]  # a checkpoint's tensors


@dataclass(frozen=True)
class Sheet:
    """What is scored: N pictures against K columns, by a model in one or several states.

    Attributes:
        pictures: N.
        columns: K times the prompts of a class, or one caption; the score of several is their mean.
        states: by the fingerprint of all that its scores depend on, what of the model each state replaces, all of it
            above at least one layer; or None alone, the model as it is.
        label: what progress calls it.
        allowed: [N, K] bool, the pairs that a pre-filter kept; None: all of them.
    """

    pictures: Pictures
    columns: Sequence[Sequence[str]]
    states: Mapping[str, State | None]
    label: str
    allowed: np.ndarray | None = None


def pair_scores(model: JointEncoder, sheet: Sheet, processes: int) -> list[np.ndarray]:
    """Log-odds of a match in each state, float32 [N, K], higher is closer; LEFT_OUT where `allowed` is False.

    Args:
        model: whose weights, but for what states replace, the fingerprints stand for.
        sheet: what is scored.
        processes: shards worked on at once.
    """
    texts = sum(len(prompts) for prompts in sheet.columns)
    size = max(1, SHARD // texts)
    begins = range(0, len(sheet.pictures), size)
    missing = [begin for begin in begins if not all(_file(mark, begin).exists() for mark in sheet.states)]
    score = _scorer(model, sheet, size)
    for _ in zip(progress(missing, sheet.label), side_by_side(score, missing, processes), strict=True):
        pass
    return [np.concatenate([np.load(_file(mark, begin)) for begin in begins]) for mark in sheet.states]


def _file(mark: str, begin: int) -> Path:
    return paths.CACHE / "scored" / mark / f"{begin:06d}.npy"


def _scorer(model: JointEncoder, sheet: Sheet, size: int) -> Callable[[int], None]:
    """What scores the pictures from a number on, and keeps the shard of each state that lacks it."""

    def score(begin: int) -> None:
        states = {mark: state for mark, state in sheet.states.items() if not _file(mark, begin).exists()}
        with torch.inference_mode():
            images = enumerate(sheet.pictures.each(begin, begin + size), begin)
            rows = [_rows(model, sheet, [*states.values()], picture, image) for picture, image in images]
        for mark, shard in zip(states, np.stack(rows, axis=1), strict=True):
            content = io.BytesIO()
            np.save(content, shard)
            write_bytes(_file(mark, begin), content.getvalue())

    return score


def _rows(
    model: JointEncoder, sheet: Sheet, states: Sequence[State | None], picture: int, image: torch.Tensor
) -> np.ndarray:
    """The scores [S, K] of one picture, [1, 3, H, W], in each of S states."""
    asked = range(len(sheet.columns)) if sheet.allowed is None else np.flatnonzero(sheet.allowed[picture])
    rows = np.full((len(states), len(sheet.columns)), LEFT_OUT, np.float32)
    if len(asked):
        groups = [sheet.columns[column] for column in asked]
        tokens, texts = model.image_tokens(image), [prompt for group in groups for prompt in group]
        each = model.scores(tokens, texts)[None] if states == [None] else model.scores_of_each(tokens, texts, states)
        parts = each[:, 0].cpu().split([len(group) for group in groups], dim=1)
        rows[:, list(asked)] = torch.stack([part.mean(dim=1) for part in parts], dim=1).numpy()
    return rows
