"""The tiny CLIP as the teacher of the tiny ViLT: what it sees in a picture, and what a text says to it."""

from functools import partial

import torch
from torch import Tensor, nn

from stages.common.progress import progress
from stages.models.contract import TwoEncoders
from stages.pretraining.clip import VOCABULARY
from stages.pretraining.texts import embed_tokens

LAYERS = ("layer2", "layer3")  # whose feature maps are taught


class Teacher:
    """A trained tiny CLIP, which itself learns nothing."""

    def __init__(self, model: TwoEncoders) -> None:
        self._model = model
        self._maps: dict[str, Tensor] = {}
        for name in LAYERS:
            getattr(model.network.visual, name).register_forward_hook(partial(self._keep, name))

    def _keep(self, name: str, _module: nn.Module, _given: tuple[Tensor, ...], found: Tensor) -> None:
        self._maps[name] = found

    def look(self, images: Tensor) -> tuple[Tensor, ...]:
        """What it sees in images [B, 3, H, W], in [0, 1]: the embedding [B, D], unit norm, and the maps of LAYERS."""
        with torch.inference_mode():
            seen = self._model.embed_images(images)
        found = (seen, *(self._maps[name] for name in LAYERS))
        return tuple(part.clone().to(images.device) for part in found)  # clones, which are no tensors of inference mode

    def embed_pictures(self, pictures: Tensor) -> Tensor:
        """[N, D] on the CPU, unit norm, of pictures uint8 [N, H, W, 3]."""
        parts = progress(pictures.split(256), "look at the corpus")
        return torch.cat([self.look(part.permute(0, 3, 1, 2).float() / 255)[0].cpu() for part in parts])

    def embed_texts(self, texts: list[str]) -> Tensor:
        """[M, D], unit norm, without the padding that the model's own way has."""
        device = self._model.device
        with torch.inference_mode():
            tokens = self._model.tokenizer(texts).to(device)
            said = embed_tokens(self._model.network, tokens, torch.arange(VOCABULARY, device=device))
        return said.clone()
