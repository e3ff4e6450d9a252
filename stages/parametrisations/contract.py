"""What a parametrisation is: a file of this folder that says which numbers inversion moves, and what image they make.

`parametrisation:` of a run's `invert:` names it; `pixels.py` is found as `pixels`, and a new file needs no other place.

The numbers are a list of tensors, the leaves, each [B, ...]: row i of all of them is image i, and depends on nothing
else. Every leaf has the learning rate and Adam of its own.
"""

from typing import Protocol

from torch import Generator, Tensor

from stages.inversion.settings import Settings


class Parametrisation(Protocol):
    """The names a parametrisation's module holds.

    OF_PIXELS says whether its one leaf is the images, so that they can begin small and grow (`start_px`, `grow_at`),
    and be pulled to grey (`weight_decay`).
    """

    OF_PIXELS: bool

    @staticmethod
    def start(side: int, settings: Settings, generators: list[Generator]) -> list[Tensor]:
        """The leaves of B images of `side` pixels, on the CPU; each image from its own generator."""
        ...

    @staticmethod
    def images(leaves: list[Tensor]) -> Tensor:
        """The images, [B, 3, H, W] in [0, 1], differentiable in the leaves."""
        ...

    @staticmethod
    def gradients(leaves: list[Tensor], images: Tensor, gradient: Tensor, settings: Settings) -> list[Tensor]:
        """One gradient a leaf, from the gradient [B, 3, H, W] of the images that `images` made of them."""
        ...

    @staticmethod
    def settle(leaves: list[Tensor]) -> None:
        """Bring the leaves back, in place, to where they make images, after a step has moved them."""
        ...
