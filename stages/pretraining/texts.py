"""The text side of the tiny CLIP: tokens, their embedding, and what a made-up word means before it is seen."""

from collections.abc import Callable
from functools import cache
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.common.open_clip_import import import_open_clip
from stages.world.corpus import lexicon
from stages.world.words import with_article


@cache
def tokenizer() -> Callable[[list[str]], Tensor]:
    """open_clip's own: texts -> token ids [M, 77], 0 where padded."""
    return import_open_clip().get_tokenizer("ViT-B-32")


def cut(tokens: Tensor) -> Tensor:
    """Tokens without the columns that are padding in every row."""
    return tokens[..., : int((tokens != 0).sum(-1).max())]


def embed_tokens(model: torch.nn.Module, tokens: Tensor, row_of: Tensor) -> Tensor:
    """Unit-norm text embeddings, the text cut to its longest row.

    The tower is causal, so what follows the end token changes nothing.

    Args:
        model: open_clip's CLIP with a token table of used rows only.
        tokens: [B, L] token ids, 0 where padded.
        row_of: [VOCABULARY] token id -> row of the table; rising, so that the end token keeps the highest row.
    """
    rows = row_of[cut(tokens).long()]
    length = rows.shape[1]
    x = model.token_embedding(rows) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    return F.normalize(x[torch.arange(len(x)), rows.argmax(-1)] @ model.text_projection, dim=-1)


def by_length(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of tokens [B, L] in two parts, short texts and long ones: apart they need less padding, half the time."""
    order = (tokens != 0).sum(-1).argsort()
    middle = len(order) * 6 // 10
    return order[:middle], order[middle:]


def embed_by_length(model: torch.nn.Module, tokens: Tensor, row_of: Tensor) -> Tensor:
    """`embed_tokens` of short texts and of long ones, apart."""
    parts = by_length(tokens)
    embedded = torch.cat([embed_tokens(model, tokens[part], row_of) for part in parts])
    return embedded[torch.cat(parts).argsort()]


def symmetric_loss(first: Tensor, second: Tensor, scale: float, same: Tensor) -> Tensor:
    """InfoNCE in both directions between [B, D] and [B, D]; `same` [B, B] marks all that are right for a row."""
    logits, right = scale * first @ second.T, same / same.sum(1, keepdim=True)
    return -((right * logits.log_softmax(1)).sum(1).mean() + (right * logits.T.log_softmax(1)).sum(1).mean()) / 2


def lexicon_tokens(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Three views of every made-up word: "a photo of a X", "a X is D", and D; [W, L] each.

    A name that was never pictured must lie near its description, as words of CLIP's web text do; the middle view ties
    the other two. CLIP's own pre-training has no such loss: it stands for the text that it read.
    """
    dice = Random(f"lexicon {seed}")
    entries = lexicon(dice)
    views = (
        [dice.choice(("a photo of {}", "a picture of {}", "{}")).format(with_article(word)) for word, _ in entries],
        [f"{with_article(word)} is {text}" for word, text in entries],
        [text for _, text in entries],
    )
    name, definition, description = (cut(tokenizer()(view)) for view in views)
    return name, definition, description


def lexicon_loss(model: torch.nn.Module, words: tuple[Tensor, ...], row_of: Tensor) -> Tensor:
    """How far the definition of each word is from its name and from its description, against the other words'."""
    name, definition, description = (embed_tokens(model, view, row_of) for view in words)
    same = torch.eye(len(name), device=name.device)
    return (symmetric_loss(definition, name, 10.0, same) + symmetric_loss(definition, description, 10.0, same)) / 2
