"""Saliency by a multi-modal information bottleneck: which activations of a block must pass for image and text to agree.

Of each activation x a share lambda = sigmoid(alpha) passes, and noise takes the rest: t = lambda x + (1 - lambda) eps.
Alpha is optimised for each image, so that its embedding stays near the text's while little passes. The loss is
beta KL - cosine, where KL = -(1 + log v - (lambda x)^2 - v) / 2 with v = (1 - lambda)^2 is what an activation tells
beyond noise, its mean over all activations of the image. A place is as salient as its activations tell.

Images go side by side, each with its own noise, and no weight gets a gradient. What the block gives is replaced, so in
each step the layers below it see one image alone, whichever: only those above are paid for by image and sample.

Behind the last block of a transformer that is read by its class token nothing looks at the patches: there a map says
how large activations are, whatever is asked. Where many activations are 0, as in the lowest stage of a ResNet, each
step enlarges what rounding differs by: ten of them, of a random network, to some hundredths of a map's range.

Source: Wang, Rudner and Wilson, Visual Explanations of Image-Text Representations via Multi-Modal Information
    Bottleneck Attribution, NeurIPS 2023, arXiv 2312.17174; the image's map alone. Alpha starts at 5 as in their code.
Differs: KL is computed by log v = 2 logsigmoid(-alpha) and expm1(log v), which stay finite where 1 - lambda rounds to
    0, so that no place has to be left out of the sum. The map is that of alpha after the last step; theirs that before
    it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.common.adam import Adam
from stages.common.segmenting import Settings
from stages.models.contract import TwoEncoders
from stages.saliency.contract import changed, hooked, over_places

START = 5.0  # of alpha: 0.993 of each activation passes


def passes(settings: Settings) -> int:
    """So many samples of an image go through the upper blocks side by side."""
    return settings.samples


def maps(model: TwoEncoders, images: Tensor, texts: Tensor, settings: Settings, seeds: Sequence[int]) -> Tensor:
    """What the activations of each place tell, in nats: [B, h, w] on the CPU."""
    block, texts = model.blocks[settings.block - 1], texts.to(images.device)
    with torch.inference_mode(), hooked(block) as seen:
        model.embed_images(images)
    activations = seen[0].float().clone()  # a tensor of inference mode takes part in no gradient
    alpha = torch.full_like(activations, START, requires_grad=True)
    dice = [torch.Generator(alpha.device).manual_seed(seed) for seed in seeds]
    optimiser = Adam([alpha])
    with changed(block, lambda given: narrowed(activations, alpha, dice, settings.samples).to(given)):
        for _ in range(settings.steps):
            embedded = model.embed_images(images[:1]).unflatten(0, (len(images), settings.samples))
            fit = (embedded * texts[:, None]).sum(dim=2).mean(dim=1)
            loss = settings.beta * told(activations, alpha).flatten(1).mean(dim=1) - fit
            (gradient,) = torch.autograd.grad(loss.sum(), [alpha])  # images share no alpha: each moves by its own loss
            optimiser.step([gradient], settings.learning_rate)
    return over_places(told(activations, alpha.detach())).clamp(min=0).cpu()  # rounding may leave it a little below


def narrowed(activations: Tensor, alpha: Tensor, dice: Sequence[torch.Generator], samples: int) -> Tensor:
    """Shares of activations [B, ...] and noise of each image's own: [B x samples, ...], an image's samples in a row."""
    share, shape = alpha.sigmoid(), (samples, *activations.shape[1:])
    noise = torch.stack([torch.randn(shape, generator=own, device=own.device) for own in dice])
    return ((share * activations)[:, None] + (1 - share)[:, None] * noise).flatten(0, 1)


def told(activations: Tensor, alpha: Tensor) -> Tensor:
    """What each activation tells beyond noise: KL of N(lambda x, v) and N(0, 1), in nats."""
    log_v = 2 * F.logsigmoid(-alpha)
    return ((alpha.sigmoid() * activations) ** 2 + torch.expm1(log_v) - log_v) / 2
