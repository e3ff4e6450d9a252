"""The upper layers of a model, for Eq. 4: what lies below a block is left out, and activations there are its images."""

from collections.abc import Iterable
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Parameter

from stages.common.computing import precision_of
from stages.common.embeddings import Classes, similarity
from stages.inversion.activations import Usual
from stages.models.contract import TwoEncoders


class Cut(TwoEncoders, Protocol):
    """A model of two encoders whose visual one can be cut behind a block; so far one of open_clip's."""

    def layers_above(self, block: int) -> nn.Module:
        """The layers that follow a block, from activations of `below` to features of any norm.

        The module holds the encoder's own parameters.

        Raises:
            UserError: the encoder has no such block, or cannot be cut behind one.
        """
        ...


class Upper:
    """A model of two encoders above a block of its visual one; see `TwoEncoders` of stages/models/contract.py.

    Where that says images [B, 3, H, W], these are activations behind the block: [B, C, h, w], or tokens [B, L, D]. The
    parameters are the whole model's own: what moves here moves there. Those below the block belong to no part.
    """

    def __init__(self, model: Cut, block: int, usual: Usual | None = None) -> None:
        """Above `block` of `model`; `usual`, what activations there usually are, is needed to invert them."""
        self.model, self.usual, self.network = model, usual, model.layers_above(block)
        self.image_size, self.fit, self.whole = model.image_size, model.fit, model.whole
        self.context_length, self.device = model.context_length, model.device
        self.embed_texts, self.embed_classes, self.logits = model.embed_texts, model.embed_classes, model.logits
        self.inversion_target, self.inversion_similarity = model.inversion_target, model.inversion_similarity
        self.token_count, self.state, self.load_state = model.token_count, model.state, model.load_state

    def embed_images(self, activations: Tensor) -> Tensor:
        """[B, D], unit norm."""
        features = self.network(activations.to(self.device, precision_of(self)))
        return F.normalize(features.float(), dim=-1)

    def below(self, activations: Tensor, blocks: int) -> Tensor:
        """The activations: what lies above the block is not cut again."""
        return activations

    def embed_above(self, activations: Tensor, blocks: int) -> Tensor:
        """Their embeddings."""
        return self.embed_images(activations)

    def blocks_below(self, names: Iterable[str]) -> int:
        """0: not cut again."""
        return 0

    def inversion_loss(self, activations: Tensor, target: Tensor) -> Tensor:
        """1 - cosine, [B] in [0, 2]. Source: arXiv 2411.15611 Eq. 4."""
        return 1 - (self.embed_images(activations) * target).sum(dim=-1)

    def finetuning_logits(self, activations: Tensor, classes: Classes) -> Tensor:
        """The logits of activations, [B, K]."""
        return self.logits(self.embed_images(activations), classes)

    def similarity(self, activations: Tensor, classes: Classes) -> Tensor:
        """Similarity [N, K] on the CPU."""
        return similarity(self, activations, classes)

    def parameters_of(self, part: str) -> dict[str, Parameter]:
        """The parameters of a part, as far as they lie above the block; the head always does."""
        above = set(map(id, self.network.parameters()))
        visual = self.model.parameters_of("visual_encoder")
        below = {name for name, parameter in visual.items() if id(parameter) not in above}
        return {name: one for name, one in self.model.parameters_of(part).items() if name not in below}
