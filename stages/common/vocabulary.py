"""What masking must know of a WordPiece tokenizer."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that stand for no word, and those that go on with one.

    Attributes:
        mask: number of the token that hides another.
        special: [V] bool, tokens that belong to no word: start, end, padding, unknown, mask.
        continues: [V] bool, tokens that go on with the word of the token before.
    """

    mask: int
    special: Tensor
    continues: Tensor
