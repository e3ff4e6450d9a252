"""A tiny model whose embedding hangs on one place alone, so that it is known where saliency must lie."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE, WIDTH, EMBEDDED = 4, 6, 5


class Tupled(nn.Module):
    """A block that gives its activations as the first of several things, as some of transformers' do."""

    def forward(self, activations: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """The activations and their size."""
        return activations, (SIDE, SIDE)


class OnePlace:
    """An encoder of images [B, 3, 4, 4], of one block, that looks at one place of what the block gives.

    Args:
        place: number of the place in reading order, 0 to 15.
        layout: "first" for activations [B, D, h, w], "last" for [B, h, w, D], or how many tokens stand before those
            of the patches.
        times: how large activations are.
    """

    device = torch.device("cpu")

    def __init__(self, place: int, layout: str | int, *, is_tupled: bool = False, times: float = 1.0) -> None:
        self.place, self.layout, self.times = place, layout, times
        self.blocks = [Tupled() if is_tupled else nn.Identity()]
        chance = torch.Generator().manual_seed(0)
        self._lift = torch.randn(3, WIDTH, generator=chance)
        self._class_tokens = torch.randn(layout if isinstance(layout, int) else 0, WIDTH, generator=chance)
        self._project = torch.randn(WIDTH, EMBEDDED, generator=chance)
        self._offset = torch.randn(EMBEDDED, generator=chance)  # without it, how large activations are would not matter

    def embed_images(self, images: Tensor) -> Tensor:
        """[B, 5], unit norm."""
        given = self.blocks[0](self._below(images))
        activations = given[0] if isinstance(given, tuple) else given
        return F.normalize(self._seen(activations) @ self._project + self._offset, dim=1)

    def said(self, images: Tensor) -> Tensor:
        """The text that names just what each image has at the place: [B, 5], unit norm."""
        return F.normalize(self._seen(self._below(images)) @ self._project, dim=1)

    def _below(self, images: Tensor) -> Tensor:
        return self._laid_out(self.times * images.flatten(2).transpose(1, 2) @ self._lift)

    def _laid_out(self, patches: Tensor) -> Tensor:
        if isinstance(self.layout, int):
            return torch.cat([self._class_tokens.expand(len(patches), -1, -1), patches], dim=1)
        last = patches.unflatten(1, (SIDE, SIDE))
        return last if self.layout == "last" else last.permute(0, 3, 1, 2)

    def _seen(self, activations: Tensor) -> Tensor:
        if isinstance(self.layout, int):
            return activations[:, self.layout + self.place]
        row, column = divmod(self.place, SIDE)
        return activations[:, row, column] if self.layout == "last" else activations[:, :, row, column]
