"""The words of the tiny ViLT: a vocabulary of WordPiece, learned from the captions, and texts in its numbers."""

from collections.abc import Iterable

import torch
from tokenizers import BertWordPieceTokenizer
from torch import Tensor, nn

from stages.common.vocabulary import Vocabulary
from stages.pretraining.vilt_network import CONTEXT

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def word_pieces(captions: list[str], most: int) -> list[str]:
    """The vocabulary of WordPiece that these captions give, in the order of its numbers.

    The trainer numbers the letters that go on with a word by chance, and breaks ties by these numbers. Here they have
    theirs beforehand, so that the same captions give the same vocabulary each time.

    Args:
        captions: to learn from.
        most: tokens, at most.
    """
    letters = sorted(set("".join(captions).lower()) - {" "})
    numbered = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    learned = BertWordPieceTokenizer(lowercase=True)
    learned.train_from_iterator(
        captions, vocab_size=most, min_frequency=2, special_tokens=numbered, show_progress=False
    )
    number_of = learned.get_vocab()
    return sorted(number_of, key=number_of.get)


def tokens_of(captions: Iterable[str], words: list[str]) -> Tensor:
    """int16 [M, L], start and end included, 0 where padded, cut to CONTEXT.

    A tokenizer that has just learned its vocabulary leaves start and end out: this one is made from the finished one.
    """
    tokenizer = BertWordPieceTokenizer({word: number for number, word in enumerate(words)}, lowercase=True)
    tokenizer.enable_truncation(CONTEXT)
    found = [torch.tensor(one.ids, dtype=torch.int16) for one in tokenizer.encode_batch(list(captions))]
    return nn.utils.rnn.pad_sequence(found, batch_first=True)


def vocabulary_of(words: list[str]) -> Vocabulary:
    """What masking must know of these word pieces."""
    return Vocabulary(
        mask=words.index("[MASK]"),
        special=torch.tensor([word in SPECIAL for word in words]),
        continues=torch.tensor([word.startswith("##") for word in words]),
    )
