"""Does a caption say a taught name where it belongs, and where it does not?

Two rows. says_new: of the pictures whose references say a taught name, the share whose caption says it; where they say
several, one of them. says_new_wrongly: of all pictures, the share whose caption says a taught name that no reference of
theirs says; 0 is best. Both also for each taught name alone, the second then of the pictures that are not its own.
"""

from collections.abc import Iterator, Sequence

from stages.common.rows import wilson
from stages.common.said import names_in
from stages.metrics.contract import Number, Shown, Written

TASK = "captioning"
HIGHER_IS_BETTER = True  # says_new; says_new_wrongly is an error
ROLES = ("target",)


def lacking() -> str:
    """Nothing: it needs no other program."""
    return ""


def compute(shown: Shown, written: Sequence[Written]) -> list[list[Number]]:
    """Both shares of each model, of all taught names and of each, with their Wilson intervals."""
    names, taught = (*shown.taught, *shown.known), {*shown.taught}  # all of them: "a traffic light" says no light
    asked = [{name for text in own for name in names_in(text, names)} & taught for own in shown.references]
    return [
        [*_numbers(asked, [names_in(text, names) & taught for text in one.captions], shown.taught)] for one in written
    ]


def _numbers(asked: list[set[str]], said: list[set[str]], taught: Sequence[str]) -> Iterator[Number]:
    pairs = [*zip(said, asked, strict=True)]
    yield from _shares(
        "all", [bool(own & there) for own, there in pairs if there], [bool(own - there) for own, there in pairs]
    )
    for name in taught:
        right = [name in own for own, there in pairs if name in there]
        yield from _shares(name, right, [name in own for own, there in pairs if name not in there])


def _shares(label: str, right: list[bool], wrong: list[bool]) -> Iterator[Number]:
    for metric, hits in (("says_new", right), ("says_new_wrongly", wrong)):
        if hits:
            yield Number(metric, label, sum(hits) / len(hits), len(hits), *wilson(sum(hits), len(hits)))
