"""A visual encoder of open_clip, cut behind one of its blocks: activations below, and a network that goes on from them.

A block is a residual stage of a ModifiedResNet (1 to 4) or a residual block of a VisionTransformer (1 to its depth).
Both halves use the encoder's own modules, so that a parameter that moves in one of them moves in the encoder.
"""

import torch
from torch import Tensor, nn

from stages.common.failures import UserError

STAGES = ("layer1", "layer2", "layer3", "layer4")


class TokensAbove(nn.Module):
    """The blocks of a VisionTransformer behind one of them, its pooling and its projection: [B, L, D] to [B, E].

    A CoCa pools by attention before it takes the first token; what its decoder is shown is left out.
    """

    def __init__(self, visual: nn.Module, block: int) -> None:
        super().__init__()
        self.blocks = visual.transformer.resblocks[block:]
        self.attn_pool, self.ln_post, self.proj = visual.attn_pool, visual.ln_post, visual.proj
        self.pool_type = visual.pool_type
        self.pools_first = visual.final_ln_after_pool and visual.attn_pool is None

    def forward(self, tokens: Tensor) -> Tensor:
        """Embeddings [B, E] of tokens [B, L, D], the class token first; not normalised."""
        for block in self.blocks:
            tokens = block(tokens)
        if self.attn_pool is not None:
            tokens = self.attn_pool(tokens)
        if not self.pools_first:
            tokens = self.ln_post(tokens)
        pooled = tokens[:, 0] if self.pool_type == "tok" else tokens[:, 1:].mean(dim=1)
        if self.pools_first:
            pooled = self.ln_post(pooled)
        return pooled @ self.proj


def n_blocks(visual: nn.Module) -> int:
    """Blocks behind which an encoder can be cut; 0 for one of another make."""
    if all(hasattr(visual, name) for name in (*STAGES, "stem", "attnpool")):
        return len(STAGES)
    is_plain = hasattr(visual, "attn_pool") and getattr(visual, "pool_type", "") in ("tok", "avg")
    is_plain = is_plain and hasattr(visual, "transformer") and visual.transformer.batch_first
    return len(visual.transformer.resblocks) if is_plain and visual.proj is not None else 0


def blocks_of(visual: nn.Module) -> list[nn.Module]:
    """The blocks of an encoder, the lowest first, whether it can be cut between them or not.

    Residual stages of a ResNet, blocks of a transformer, of open_clip's own make or timm's; stages where timm has such.
    Empty for an encoder of another make.
    """
    trunk = getattr(visual, "trunk", visual)
    if all(hasattr(trunk, name) for name in STAGES):
        return [getattr(trunk, name) for name in STAGES]
    for name in ("blocks", "stages", "layers"):
        if isinstance(getattr(trunk, name, None), nn.Module):
            return [*getattr(trunk, name)]
    if hasattr(trunk, "transformer") and trunk.transformer.batch_first:
        return [*trunk.transformer.resblocks]
    return []


def check_block(visual: nn.Module, block: int, where: str) -> None:
    """Refuse a block that an encoder does not have.

    Raises:
        UserError: the encoder is of another make, or has fewer blocks.
    """
    blocks = n_blocks(visual)
    if not blocks:
        raise UserError(
            f"{where} says {block}, but this visual encoder, a {type(visual).__name__}, cannot be cut into lower and "
            "upper layers. open_clip's ModifiedResNet (RN50) and plain VisionTransformer (ViT-B-32) can. Write 0."
        )
    if not 1 <= block <= blocks:
        raise UserError(
            f"{where} says {block}, but this visual encoder has {blocks} blocks: write 1 to {blocks}, or 0 for pixels."
        )


def below(visual: nn.Module, pixels: Tensor, block: int) -> Tensor:
    """Activations behind a block: [B, C, h, w] of a ModifiedResNet, tokens [B, L, D] of a VisionTransformer.

    Args:
        visual: an encoder that `check_block` lets pass.
        pixels: [B, 3, H, W], normalised.
        block: 1 to `n_blocks`.
    """
    if hasattr(visual, STAGES[0]):
        activations = visual.stem(pixels)
        for name in STAGES[:block]:
            activations = getattr(visual, name)(activations)
        return activations
    words = {"stop_early": True, "intermediates_only": True, "output_fmt": "NLC", "output_extra_tokens": True}
    found = visual.forward_intermediates(pixels, [block - 1], **words)
    return torch.cat([found["image_intermediates_prefix"][0], found["image_intermediates"][0]], dim=1)


def above(visual: nn.Module, block: int) -> nn.Module:
    """What follows a block, up to the embedding, which is not normalised; activations as `below` gives them."""
    if hasattr(visual, STAGES[0]):
        return nn.Sequential(*(getattr(visual, name) for name in STAGES[block:]), visual.attnpool)
    return TokensAbove(visual, block)
