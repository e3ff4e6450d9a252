"""InfoNCE from images to a bank of captions (Eq. 2)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(logits: Tensor, captions: Sequence[str], bank: Sequence[str]) -> Tensor:
    """Cross entropy of each image's own caption against a bank of captions, one number per image.

    A batch that teaches one concept repeats one caption. The usual symmetric CLIP loss would call the repetitions
    each other's negatives and learn nothing; here every text of the bank that equals the image's caption is a
    positive, and the target probability is spread evenly over them.

    Args:
        logits: [B, M], scaled similarities of B images and the M texts of `bank`.
        captions: B texts, the caption of each image; each is in `bank`.
        bank: M texts, positives and negatives in any order; repetitions are allowed.

    Returns:
        [B], at least log c for a caption that stands c times in the bank (0 for c = 1).

    Raises:
        ValueError: the lengths do not fit logits, or a caption is not in the bank.

    Source: arXiv 2411.15611 Eq. 2; X_K there is the bank without the caption.
    """
    if [*logits.shape] != [len(captions), len(bank)]:
        raise ValueError(f"info_nce: logits are {[*logits.shape]}, captions x bank {[len(captions), len(bank)]}")
    places: dict[str, list[int]] = {}
    for place, text in enumerate(bank):
        places.setdefault(text, []).append(place)
    missing = [caption for caption in captions if caption not in places]
    if missing:
        raise ValueError(f"info_nce: the bank of {len(bank)} texts lacks the caption {missing[0]!r}")
    targets = torch.zeros(len(captions), len(bank))
    for row, caption in zip(targets, captions, strict=True):
        row[places[caption]] = 1 / len(places[caption])
    return F.cross_entropy(logits, targets.to(logits), reduction="none")
