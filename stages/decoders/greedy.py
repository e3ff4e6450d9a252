"""The decoder `greedy`: the token of the highest score, every time."""

import torch
from torch import Tensor

from stages.common.decoding import Settings
from stages.models.contract import Captioner


def decode(model: Captioner, seen: Tensor, settings: Settings) -> Tensor:
    """Tokens [B, L]; a sentence that has ended is not computed any further."""
    tokens = torch.full((len(seen), settings.max_length), model.pad, device=seen.device)
    tokens[:, 0] = model.start
    writing, unfinished = model.writing(seen), torch.arange(len(seen), device=seen.device)
    for length in range(1, settings.max_length):
        scores = writing.next(tokens[unfinished, length - 1])
        if length < settings.min_length:
            scores[:, model.end] = -torch.inf
        tokens[unfinished, length] = scores.argmax(dim=1)
        goes_on = tokens[unfinished, length] != model.end
        if not goes_on.any():
            return tokens[:, : length + 1]
        if not goes_on.all():
            writing.keep(goes_on.nonzero()[:, 0])
            unfinished = unfinished[goes_on]
    return tokens
