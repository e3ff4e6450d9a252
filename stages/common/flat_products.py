"""open_clip's vision transformer with every product between two plain matrices.

`nn.MultiheadAttention` transposes and copies its input and its three projections, and the gradient of a convolution
whose patches do not overlap goes through a general convolution. Both are products of one matrix with another: said so,
a step of inversion takes three quarters of the time on a CPU, and in bfloat16 half of it on a GPU.
"""

from contextlib import AbstractContextManager, nullcontext

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

SHORT = 64  # tokens


class FlatAttention(nn.Module):
    """Self-attention of all tokens with all, with the parameters of an `nn.MultiheadAttention` under their names."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.in_proj_weight, self.in_proj_bias = attention.in_proj_weight, attention.in_proj_bias
        self.out_proj = attention.out_proj
        self.heads = attention.num_heads

    def forward(self, tokens: Tensor, *_: Tensor, **__: object) -> tuple[Tensor, None]:
        """Tokens [B, L, D] to [B, L, D]; the other words of nn.MultiheadAttention say nothing here."""
        batch, length, width = tokens.shape
        flat, parts = tokens.reshape(-1, width), (self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3))
        # three products, not one: the gradients of their parts need not be copied together
        projected = (F.linear(flat, weight, bias) for weight, bias in zip(*parts, strict=True))
        query, key, value = (one.view(batch, length, self.heads, -1).transpose(1, 2) for one in projected)
        with _kernels(tokens):
            seen = F.scaled_dot_product_attention(query, key, value)
        return self.out_proj(seen.transpose(1, 2).reshape(-1, width)).view(batch, length, width), None


def _kernels(tokens: Tensor) -> AbstractContextManager:
    """Which kernels attend: torch's choice, but of few tokens on a GPU the one that is fastest for them."""
    if tokens.device.type == "cuda" and tokens.shape[1] <= SHORT:
        return sdpa_kernel([SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH], set_priority=True)
    return nullcontext()


class FlatPatches(nn.Module):
    """Embedding of patches that do not overlap, with the weight of the convolution that says the same."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight = convolution.weight

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] to [B, D, H / P, W / P]."""
        batch, channels, height, width = images.shape
        side = self.weight.shape[-1]
        grid = images.reshape(batch, channels, height // side, side, width // side, side).permute(0, 2, 4, 1, 3, 5)
        embedded = F.linear(grid.reshape(-1, channels * side * side), self.weight.flatten(1))
        return embedded.view(batch, height // side, width // side, -1).permute(0, 3, 1, 2)


def flatten_products(visual: nn.Module) -> None:
    """Put FlatAttention and FlatPatches into a vision transformer of open_clip, in place; leave other towers alone.

    The names and values of the parameters stay, the outputs up to rounding.
    """
    transformer = getattr(visual, "transformer", None)
    if not hasattr(transformer, "resblocks") or not isinstance(visual.conv1, nn.Conv2d):
        return
    if visual.conv1.bias is None and visual.conv1.kernel_size == visual.conv1.stride and visual.conv1.padding == (0, 0):
        visual.conv1 = FlatPatches(visual.conv1)
    for block in transformer.resblocks:
        if isinstance(block.attn, nn.MultiheadAttention) and block.attn.in_proj_weight is not None:
            block.attn = FlatAttention(block.attn)
