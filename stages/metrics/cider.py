"""CIDEr: how much of what people agree on a caption says, in words that tell pictures apart.

Cosine of a caption and each of its references as vectors of n-grams, n from 1 to 4, rare ones weighted more; times 10.
The weights come from the references of this benchmark, so figures of two benchmarks do not compare, and with few
pictures they are coarse: with one picture every weight is 0. This is the CIDEr-D of pycocoevalcap, which the field
reports as CIDEr; tables show it times 100.

Source: Vedantam et al., CIDEr, CVPR 2015, arXiv 1411.5726; computed by pycocoevalcap 1.2.
"""

from collections.abc import Sequence

from stages.common.bootstrap import interval_of_mean
from stages.metrics.contract import Number, Shown, Written

TASK = "captioning"
HIGHER_IS_BETTER = True
ROLES = ("target",)


def lacking() -> str:
    """Nothing: it needs no other program."""
    return ""


def compute(shown: Shown, written: Sequence[Written]) -> list[list[Number]]:
    """CIDEr of each model, the mean over pictures, with its bootstrap over them; each picture's own is kept."""
    return [[_number(shown, one)] for one in written]


def _number(shown: Shown, written: Written) -> Number:
    from pycocoevalcap.cider.cider import Cider

    references = {number: list(own) for number, own in enumerate(shown.tokens)}
    value, each = Cider().compute_score(references, {number: [own] for number, own in enumerate(written.tokens)})
    return Number("cider", "all", float(value), len(each), *interval_of_mean(each), each=each)
