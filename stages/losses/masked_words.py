"""Masked language modelling with whole words: what a model must guess from the rest of the text and from the image."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from stages.common.vocabulary import Vocabulary

IGNORED = -100  # a token that is not to be guessed
REPLACED, RANDOM = 0.8, 0.1  # of the tokens to guess: shown as the mask; as any other token; the rest as they are


def masked(tokens: Tensor, vocabulary: Vocabulary, rate: float | Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Hide words, each with all of its tokens.

    Args:
        tokens: [B, L], numbers of tokens.
        vocabulary: of the tokenizer that made them.
        rate: chance of each word to be hidden; or [B], of the words of each text. Where it is above 0 and chance hides
            none of a text, one is hidden, so that every text has something to guess.
        generator: of all chances.

    Returns:
        The tokens as they are shown, and what is to be guessed: [B, L] each, IGNORED where nothing is.

    Source: Devlin et al. 2019 for the shares of what a hidden token is shown as; whole words after Kim et al. 2021
        (ViLT), Sec. 3.3.
    """
    is_word = ~vocabulary.special[tokens]
    begins = is_word & ~vocabulary.continues[tokens]
    word = begins.cumsum(1) - 1  # [B, L], the number of the word that a token belongs to
    drawn = torch.rand(tokens.shape, generator=generator)
    rates = torch.as_tensor(rate, dtype=torch.float32).expand(len(tokens))[:, None]
    exists = torch.arange(tokens.shape[1])[None] < begins.sum(1, keepdim=True)
    first = drawn.masked_fill(~exists, 2).argmin(1, keepdim=True)  # the word that is hidden for sure
    hidden = ((drawn < rates) | torch.zeros_like(exists).scatter(1, first, True)) & exists & (rates > 0)
    chosen = hidden.gather(1, word.clamp_min(0)) & is_word
    kind = torch.rand(tokens.shape, generator=generator)
    others = torch.randint(len(vocabulary.special), tokens.shape, generator=generator)
    shown = torch.where(chosen & (kind < REPLACED), vocabulary.mask, tokens)
    shown = torch.where(chosen & (kind >= REPLACED) & (kind < REPLACED + RANDOM), others, shown)
    return shown, torch.where(chosen, tokens, IGNORED)


def masked_words(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy of the hidden tokens, mean over all of them.

    Args:
        logits: [B, L, V], for each place a score of each token.
        wanted: [B, L], the hidden tokens, IGNORED elsewhere; at least one is hidden.
    """
    return F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED)
