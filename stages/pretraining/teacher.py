"""The tiny CLIP as the teacher of the other tiny models: what it sees in a picture, and what a text says to it."""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.common.progress import progress
from stages.models.contract import TwoEncoders
from stages.pretraining.clip import VOCABULARY
from stages.pretraining.texts import embed_tokens

LAYERS = ("layer2", "layer3")  # whose feature maps are taught
HINTS = {"hint2": 128, "hint3": 256}  # what a pupil calls its guess of each, and their channels
APART = 20.0  # scale of cosines where pictures, or texts, are told apart
MEASURED = 512  # pictures that say how large the channels of a map are
FARTHEST = 4.0  # standard deviations; what is farther is taken for that
Scales = tuple[tuple[Tensor, Tensor], ...]  # of each map mean and deviation of its channels, [1, C, 1, 1]


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
        return self.embed_tokens(self._model.tokenizer(texts))

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """[M, D], unit norm, of texts as tokens [M, L], 0 where padded."""
        device = self._model.device
        with torch.inference_mode():
            said = embed_tokens(self._model.network, tokens.to(device), torch.arange(VOCABULARY, device=device))
        return said.clone()


def measured(teacher: Teacher, pictures: Tensor, seed: int) -> Scales:
    """The scales of the teacher's maps, from MEASURED of the pictures, uint8 [N, H, W, 3]."""
    chosen = torch.randint(len(pictures), (MEASURED,), generator=torch.Generator().manual_seed(seed))
    _, *maps = teacher.look(pictures[chosen].permute(0, 3, 1, 2).float() / 255)
    places = {"dim": (0, 2, 3), "keepdim": True}
    return tuple((found.mean(**places), found.std(**places) + 1e-5) for found in maps)


def missed_hints(guesses: Sequence[Tensor], maps: Sequence[Tensor], scales: Scales) -> dict[str, Tensor]:
    """How far a transformer's guesses are from the teacher's maps, layer by layer, in squared standard deviations.

    Args:
        guesses: [B, S x S, C] of each map, from S x S patches.
        maps: what `Teacher.look` saw, [B, C, s, s]; a map of fewer places than patches is drawn out.
        scales: of the maps.
    """
    missed = {}
    for layer, guess, seen, scale in zip(LAYERS, guesses, maps, scales, strict=True):
        side = round(guess.shape[1] ** 0.5)
        wanted = F.interpolate(_scaled(seen, *scale), size=(side, side), mode="bilinear")
        missed[layer] = F.mse_loss(guess.transpose(1, 2).unflatten(2, (side, side)), wanted)
    return missed


def _scaled(found: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return ((found - mean) / deviation).clamp(-FARTHEST, FARTHEST)
