"""Captioning: how surprised the decoder is by each token of a sentence, given the image and the tokens before."""

import torch.nn.functional as F
from torch import Tensor


def captioning(scores: Tensor, tokens: Tensor, padding: int) -> Tensor:
    """Cross entropy of sentences, mean over the tokens of each.

    Args:
        scores: [B, L, V], of the token that follows each place; the last place's are of no use.
        tokens: [B, L], start token first, `padding` behind a sentence.
        padding: token that is none of a sentence.

    Returns:
        [B], at least 0.

    Source: arXiv 2411.15611 Eq. 5, from Yu et al., CoCa, arXiv 2205.01917.
    Differs: the mean over the tokens, as in open_clip's loss of CoCa, where Eq. 5 sums them; so a long sentence weighs
        as much as a short one.
    """
    wanted = tokens[:, 1:]
    each = F.cross_entropy(scores[:, :-1].transpose(1, 2), wanted, ignore_index=padding, reduction="none")
    return each.sum(dim=1) / (wanted != padding).sum(dim=1).clamp_min(1)
