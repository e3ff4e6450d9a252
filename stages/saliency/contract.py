"""What saliency is: how much each place of an image speaks for a text, by the activations of one block of a model.

A way to find it is a file of this folder, named by `segmentation.saliency` of a run, with functions `maps` and
`passes`. It works on any model of two encoders whose blocks can be hooked: token blocks of open_clip, timm and
transformers, and stages of convolutional encoders.

Letters: B images, D width, L tokens, h w places of a block's activations, H W pixels.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from stages.common import lookup
from stages.common.segmenting import Settings, check_block
from stages.models.contract import TwoEncoders

ELEMENTS = 2**23  # of activations that are worked on at once: 5 images of a ViT-B/16 with 10 passes each, 3 GB


class Saliency(Protocol):
    """The names a module of this folder holds."""

    @staticmethod
    def passes(settings: Settings) -> int:
        """How often an image takes up memory at once, as itself or as samples of it; 0: no encoder is asked."""
        ...

    @staticmethod
    def maps(model: TwoEncoders, images: Tensor, texts: Tensor, settings: Settings, seeds: Sequence[int]) -> Tensor:
        """How much each place of an image speaks for its text.

        Args:
            model: frozen, in evaluation mode.
            images: [B, 3, H, W] in [0, 1].
            texts: [B, D], embeddings of unit norm, one an image.
            settings: `block` and what else this way reads.
            seeds: B, of what chance an image needs, so that its map depends, up to rounding, on no other image.

        Returns:
            [B, h, w] float32 on the CPU, at least 0, of any scale.
        """
        ...


def saliency_maps(
    model: TwoEncoders, images: Iterable[Tensor], texts: Tensor, settings: Settings, seeds: Sequence[int], where: str
) -> np.ndarray:
    """The maps of many images, in batches that memory holds.

    Args:
        model: as in `Saliency.maps`.
        images: parts [n, 3, H, W] of N images together, all of the same shape.
        texts: [N, D].
        settings: which way, of which block.
        seeds: N.
        where: place of the settings in params.yaml, for errors.

    Returns:
        [N, h, w] float32.

    Raises:
        UserError: the encoder has no such block, or no blocks that are known.
    """
    check_block(settings.block, len(model.blocks), where)
    way = lookup.find("stages.saliency", settings.saliency, f"{where}.saliency")
    found, begin, size = [], 0, 0
    for part in images:
        size = size or _at_once(model, part[:1], settings, way.passes(settings))
        for own in part.split(size or len(part)):
            chosen = slice(begin, begin + len(own))
            found.append(way.maps(model, own.to(model.device), texts[chosen], settings, seeds[chosen]))
            begin += len(own)
    return torch.cat(found).numpy()


def _at_once(model: TwoEncoders, image: Tensor, settings: Settings, passes: int) -> int | None:
    """Images whose passes fit into ELEMENTS; None: any number, as no encoder is asked."""
    if not passes:
        return None
    with torch.inference_mode(), hooked(model.blocks[settings.block - 1]) as seen:
        model.embed_images(image)
    return max(1, ELEMENTS // (seen[0].numel() * passes))


@contextmanager
def changed(block: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Within it, what the block gives is what `change` makes of its activations, of as many images as that likes."""

    def replaced(module: object, taken: object, given: Tensor | tuple) -> Tensor | tuple:
        made = change(first(given))
        return made if isinstance(given, Tensor) else (made, *given[1:])

    handle = block.register_forward_hook(replaced)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def hooked(block: nn.Module) -> Iterator[list[Tensor]]:
    """What the block gave in each pass so far, without gradient."""
    seen: list[Tensor] = []

    def noted(activations: Tensor) -> Tensor:
        seen.append(activations.detach())
        return activations

    with changed(block, noted):
        yield seen


def first(given: Tensor | tuple) -> Tensor:
    """The activations of what a block gives: some of transformers' give them as the first of several."""
    return given if isinstance(given, Tensor) else given[0]


def over_places(scores: Tensor) -> Tensor:
    """The sum over D of scores of activations, where they lie in the image: [B, L, D] or [B, D, h, w] to [B, h, w].

    Of tokens those that stand for a patch are the last h times h; class tokens and registers before them have no place.
    """
    if scores.ndim == 4:
        is_last = scores.shape[1] == scores.shape[2] != scores.shape[3]  # some of timm's keep D last
        return scores.sum(dim=3 if is_last else 1)
    side = math.isqrt(scores.shape[1])
    return scores[:, -side * side :].sum(dim=2).unflatten(1, (side, side))


def enlarged(saliency: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map [h, w] as one of a picture, [height, width] in [0, 1], bilinear, its least place 0 and its greatest 1.

    All 0 where it says the same of every place, or says nothing that is a number.

    Differs: MedCLIP-SAMv2 enlarges to 224 first and from there to the nearest pixel.
    """
    smooth = np.asarray(Image.fromarray(saliency.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
    low, high = smooth.min(), smooth.max()
    if not np.isfinite([low, high]).all() or not high - low > 1e-6 * max(abs(high), abs(low)):
        return np.zeros_like(smooth)
    return (smooth - low) / (high - low)
