"""METEOR 1.5: words of a caption that a reference has, too, also as stem, synonym or paraphrase, and in what order.

A Java program, which pycocoevalcap carries; it is started once in a process, which takes about 10 s on a slow core.
The value is that of all pictures together, as pycocoevalcap gives it: matches are summed before they become one score.
It is not the mean of the pictures' own scores, which single captions are put in order by, and may lie far from it where
captions are few or short. The bootstrap therefore sums the matches of the drawn pictures.

Source: Denkowski and Lavie, Meteor Universal, WMT 2014.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from stages.common import java
from stages.common.bootstrap import interval
from stages.metrics.contract import MetricError, Number, Shown, Written

TASK = "captioning"
HIGHER_IS_BETTER = True
ROLES = ("target",)
JAR = "meteor-1.5.jar"


def lacking() -> str:
    """Java, where there is none."""
    return java.lacking()


def compute(shown: Shown, written: Sequence[Written]) -> list[list[Number]]:
    """METEOR of each model with its bootstrap over pictures; each picture's own is kept.

    Raises:
        MetricError: the program failed.
    """
    try:
        return [[_number(shown, one)] for one in written]
    except (java.JavaError, ValueError) as error:  # ValueError: an answer that is no numbers
        _program.cache_clear()  # another is started next time
        raise MetricError(f"{JAR} failed: {error}") from error


def _number(shown: Shown, written: Written) -> Number:
    matches = _matches(shown, written)
    *each, value = _scores(matches)
    ends = interval(_addable(matches), lambda sums: np.array(_scores(sums)[:-1]))
    return Number("meteor", "all", value, len(each), *ends, each=np.array(each))


def _matches(shown: Shown, written: Written) -> np.ndarray:
    """Of each caption the program's 23 numbers, with the reference that it is nearest to."""
    program, said = _program(), zip(shown.tokens, written.tokens, strict=True)
    lines = [program.ask(f"SCORE ||| {' ||| '.join(map(_one, own))} ||| {_one(caption)}")[0] for own, caption in said]
    return np.array([line.split() for line in lines], float)


def _addable(matches: np.ndarray) -> np.ndarray:
    """What the program adds up of each row where it scores several together: no chunk of a sentence that matches whole.

    Of its 23 numbers the first two are the lengths of the sentence and of its reference, the last three the chunks that
    matches form and how many words match in each of the two.
    """
    lengths, chunks, matched = matches[:, :2], matches[:, -3], matches[:, -2:]
    is_whole = (matched == lengths).all(axis=1) & (chunks == 1)
    return np.where(is_whole[:, None] & (np.arange(matches.shape[1]) == matches.shape[1] - 3), 0, matches)


def _scores(matches: np.ndarray) -> list[float]:
    """The score of each row of what SCORE gives, then that of all of them together."""
    rows = (" ".join(map(str, row)) for row in matches.tolist())
    return [float(answer) for answer in _program().ask(f"EVAL ||| {' ||| '.join(rows)}", answers=len(matches) + 1)]


def _one(sentence: str) -> str:
    """A sentence without what separates them."""
    return sentence.replace("|||", "").replace("  ", " ")


@cache
def _program() -> java.Talk:
    home = Path(find_spec("pycocoevalcap.meteor").submodule_search_locations[0])
    return java.Talk(["-Xmx2G", "-jar", str(home / JAR), "-", "-", "-stdio", "-l", "en", "-norm"])
