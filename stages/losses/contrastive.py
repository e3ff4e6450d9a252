"""The contrastive loss of the authors' public code: every other feature of the batch is in the denominator."""

import torch
from torch import Tensor


def contrastive(image_embeddings: Tensor, text_embeddings: Tensor, temperature: float = 0.07) -> Tensor:
    """Pulls each image to its own text, away from all other images and texts of the batch; one number per pair.

    The B images and B texts stand in one list of 2B features. For each feature the partner in its pair is the
    positive and the other 2B - 1 features make the denominator; a pair's number is the mean of its two features'.
    Copies of one caption are kept as they come: with a single concept this still works, unlike the symmetric CLIP
    loss, since the other images of the batch act as negatives.

    Args:
        image_embeddings: [B, D], unit norm.
        text_embeddings: [B, D], unit norm; row i is the caption of image i.
        temperature: positive; similarities are divided by it.

    Returns:
        [B], positive; B = 1 gives 0, for then no negative is left.

    Raises:
        ValueError: the shapes differ, or temperature is not positive.

    Source: the first author's fork of MedCLIP-SAMv2, transfer/biomedclip_finetune.py (`infonce`, temperature 0.07).
    Differs: not Eq. 2 of arXiv 2411.15611, which has captions of other concepts as its only negatives.
    """
    if image_embeddings.shape != text_embeddings.shape or image_embeddings.ndim != 2:
        shapes = f"{[*image_embeddings.shape]} and {[*text_embeddings.shape]}"
        raise ValueError(f"contrastive needs images and texts of one shape [B, D], got {shapes}")
    if temperature <= 0:
        raise ValueError(f"contrastive needs a temperature above 0, got {temperature}")
    features = torch.cat([image_embeddings, text_embeddings])
    logits = features @ features.T / temperature
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    denominator = logits.masked_fill(itself, float("-inf")).logsumexp(dim=1)
    n = len(image_embeddings)
    partner = torch.arange(2 * n, device=features.device).roll(n)
    numbers = denominator - logits.gather(1, partner[:, None])[:, 0]
    return (numbers[:n] + numbers[n:]) / 2
