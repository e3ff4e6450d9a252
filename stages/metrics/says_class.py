"""Does a caption still say what a picture shows? Of classes that the model knew before.

Of the pictures whose references say the name of a known class, the share whose caption says one of those names. Whole
words; of two names of which one is part of the other the longer one counts.
"""

from collections.abc import Sequence

from stages.common.rows import wilson
from stages.common.said import names_in
from stages.metrics.contract import Number, Shown, Written

TASK = "captioning"
HIGHER_IS_BETTER = True
ROLES = ("target",)


def lacking() -> str:
    """Nothing: it needs no other program."""
    return ""


def compute(shown: Shown, written: Sequence[Written]) -> list[list[Number]]:
    """The share of each model with its Wilson interval; nothing where no reference says a known class."""
    names = (*shown.known, *shown.taught)  # all of them: "an ice bear" says no bear
    known = {*shown.known}
    asked = [{name for text in own for name in names_in(text, names)} & known for own in shown.references]
    return [_numbers(asked, one, names) for one in written]


def _numbers(asked: list[set[str]], written: Written, names: Sequence[str]) -> list[Number]:
    pairs = zip(written.captions, asked, strict=True)
    hits = [bool(names_in(caption, names) & there) for caption, there in pairs if there]
    return (
        [Number("says_class", "all", sum(hits) / len(hits), len(hits), *wilson(sum(hits), len(hits)))] if hits else []
    )
