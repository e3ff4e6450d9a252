"""How much arithmetic a step of inversion needs, counted while it is done."""

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from stages.models.contract import Model


def operations(model: Model, target: Tensor) -> int:
    """Floating-point operations of one view of one image: forward, and the gradient back to its pixels.

    Those of matrix products, convolutions and attention, which torch counts as they happen; a multiplication and an
    addition are two. Everything else (the affine, norms, Adam) counts nothing, so the share of the limit that is made
    from this is never flattered by it; nor by arithmetic that a way of computing does without need, since what is
    counted is the model's plain step.

    Args:
        model: frozen.
        target: [1, ...], a row of `model.inversion_target`.
    """
    pixels = torch.rand(1, 3, model.image_size, model.image_size, device=model.device, requires_grad=True)
    # attention as products of matrices: torch has no formula for each of its fused kernels
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        torch.autograd.grad(model.inversion_loss(pixels, target).sum(), pixels)
    return counter.get_total_flops()
