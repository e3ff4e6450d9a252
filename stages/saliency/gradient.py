"""Saliency by gradients: each activation times the derivative of the cosine by it, summed, where that is above 0.

The baseline beside M2IB: one pass and one gradient, no noise, nothing to set but the block. On feature maps of a
convolutional encoder it is HiResCAM; on tokens the same product of their activations. Nothing below the block is
differentiated.

Where each place goes straight into a layer norm, the product is 0, whatever is asked: stretching activations changes
nothing there. So it is behind the last two blocks of a transformer that is read by its class token, and the last one of
others. What rounding leaves of the sum is no map: it counts as 0, and the mask is empty.

Source: HiResCAM, arXiv 2011.08891; the product is captum's InputXGradient.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from stages.common.segmenting import Settings
from stages.models.contract import TwoEncoders
from stages.saliency.contract import changed, hooked, over_places

ROUNDING = 1e-4  # of the sum of all sizes; a layer norm's own epsilon leaves about as much


def passes(settings: Settings) -> int:
    """One: the pass that is differentiated."""
    return 1


def maps(model: TwoEncoders, images: Tensor, texts: Tensor, settings: Settings, seeds: Sequence[int]) -> Tensor:
    """Gradient times activation of each place, [B, h, w] on the CPU; what speaks against the text is 0."""
    from captum.attr import InputXGradient  # brings matplotlib along

    block, texts = model.blocks[settings.block - 1], texts.to(images.device)
    with torch.inference_mode(), hooked(block) as seen:
        model.embed_images(images)

    def cosines(activations: Tensor) -> Tensor:
        with changed(block, lambda _: activations):
            return (model.embed_images(images[:1]) * texts).sum(dim=1)

    products = InputXGradient(cosines).attribute(seen[0].clone().requires_grad_()).detach().float()
    scores, sizes = over_places(products), over_places(products.abs())
    return torch.where(scores > ROUNDING * sizes, scores, 0).cpu()
