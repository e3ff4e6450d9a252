"""The captions that gained most by teaching, and those that lost most, picture by picture."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from stages.common.failures import UserError
from stages.common.picture_files import read_picture
from stages.tables.contract import Result

GAINED, LOST = 10, 5  # pictures shown
METRICS = {"meteor": "METEOR", "cider": "CIDEr"}  # the first that was measured puts captions in order


@dataclass(frozen=True)
class Change:
    """One picture and what was written about it before and after.

    Attributes:
        picture: None where it does not lie where the evaluation read it.
        reference: the first sentence that people say of it.
        before: the caption of the untouched model.
        after: that of the taught one.
        score_before: the picture's own number, times 100.
        score_after: the same after teaching.
    """

    picture: Image.Image | None
    reference: str
    before: str
    after: str
    score_before: float
    score_after: float


@dataclass(frozen=True)
class Changes:
    """The captions of one checkpoint that changed most.

    Attributes:
        metric: by which number, "METEOR" or "CIDEr".
        recipe: which taught it, at its chosen learning rate.
        learning_rate: that one.
        seed: the first.
        gained: the largest gain first; none that did not gain.
        lost: the largest loss first; none that did not lose.
    """

    metric: str
    recipe: str
    learning_rate: float
    seed: int
    gained: tuple[Change, ...]
    lost: tuple[Change, ...]


def changes_of(result: Result, captions: pd.DataFrame, seed: int) -> Changes | None:
    """What changed most from the untouched model to the leading recipe at its chosen learning rate.

    Args:
        result: of the run.
        captions: its lines of data/rows/RUN.captions.csv.
        seed: the checkpoint's.

    Returns:
        None where the run asked for no captions. Equal gains stand in the order of the pictures.

    Source: arXiv 2411.15611 Table 10, by METEOR; where that did not run, by CIDEr.
    """
    if captions.empty:
        return None
    recipe = result.leading
    metric = next(name for name in METRICS if captions[name].notna().any())
    is_own = (captions["setting"] == "taught") & (captions["recipe"] == recipe) & (captions["seed"] == seed)
    is_chosen = captions["learning_rate"].map(lambda learning_rate: result.is_chosen(recipe, learning_rate))
    before = captions[captions["setting"] == "name"].set_index("picture")
    after = captions[is_own & is_chosen].set_index("picture")
    gain = (after[metric] - before[metric]).round(9)
    gained = gain[gain > 0].sort_values(ascending=False, kind="stable").index[:GAINED]
    lost = gain[gain < 0].sort_values(kind="stable").index[:LOST]
    shown = [tuple(_change(before.loc[name], after.loc[name], metric) for name in names) for names in (gained, lost)]
    return Changes(METRICS[metric], recipe, result.choice[recipe].learning_rate, seed, *shown)


def _change(before: pd.Series, after: pd.Series, metric: str) -> Change:
    return Change(
        _picture(Path(before.name)),
        json.loads(before["references"])[0],
        before["caption"],
        after["caption"],
        100 * before[metric],
        100 * after[metric],
    )


def _picture(path: Path) -> Image.Image | None:
    """The picture where it still lies there: data of a benchmark need not be where the report is made."""
    try:
        return read_picture(path)
    except UserError:
        return None
