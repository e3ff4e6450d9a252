"""Scores of every pair of a benchmark's pictures and texts by a model of one joint encoder, in shards that stay.

A joint encoder has no embedding to compare: each pair goes through all of it. Flickr30k's 1,000 pictures and 5,000
captions are five million pairs. So finished shards, a few pictures with all texts, are kept in .cache/scored: what was
killed goes on where it was, and the untouched model is scored once for all runs.
"""

import io
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True)
class Sheet:
    """What is scored: N pictures against K columns.

    Attributes:
        pictures: N.
        columns: K times the prompts of a class, or one caption; the score of several is their mean.
        mark: fingerprint of all that the scores depend on.
        label: what progress calls it.
        allowed: [N, K] bool, the pairs that a pre-filter kept; None: all of them.
    """

    pictures: Pictures
    columns: Sequence[Sequence[str]]
    mark: str
    label: str
    allowed: np.ndarray | None = None


def pair_scores(model: JointEncoder, sheet: Sheet, processes: int) -> np.ndarray:
    """Log-odds of a match, float32 [N, K], higher is closer; LEFT_OUT where `allowed` is False.

    Args:
        model: whose weights the mark stands for.
        sheet: what is scored.
        processes: shards worked on at once.
    """
    folder = paths.CACHE / "scored" / sheet.mark
    texts = sum(len(prompts) for prompts in sheet.columns)
    size = max(1, SHARD // texts)
    begins = range(0, len(sheet.pictures), size)
    files = {begin: folder / f"{begin:06d}.npy" for begin in begins}
    missing = [begin for begin in begins if not files[begin].exists()]
    score = _scorer(model, sheet, files, size)
    for _ in zip(progress(missing, sheet.label), side_by_side(score, missing, processes), strict=True):
        pass
    return np.concatenate([np.load(files[begin]) for begin in begins])


def _scorer(model: JointEncoder, sheet: Sheet, files: dict[int, Path], size: int) -> Callable[[int], None]:
    """What scores the pictures from a number on, and keeps the shard."""

    def score(begin: int) -> None:
        with torch.inference_mode():
            end = begin + size
            rows = [_row(model, sheet, begin + i, image) for i, image in enumerate(sheet.pictures.each(begin, end))]
        content = io.BytesIO()
        np.save(content, np.stack(rows))
        write_bytes(files[begin], content.getvalue())

    return score


def _row(model: JointEncoder, sheet: Sheet, picture: int, image: torch.Tensor) -> np.ndarray:
    """The scores [K] of one picture, [1, 3, H, W]."""
    asked = range(len(sheet.columns)) if sheet.allowed is None else np.flatnonzero(sheet.allowed[picture])
    row = np.full(len(sheet.columns), LEFT_OUT, np.float32)
    if len(asked):
        groups = [sheet.columns[column] for column in asked]
        scores = model.scores(model.image_tokens(image), [prompt for group in groups for prompt in group])[0]
        row[list(asked)] = [part.mean().item() for part in scores.cpu().split([len(group) for group in groups])]
    return row
