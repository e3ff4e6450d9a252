"""What draws the final mask: a file of this folder, found by its name in `segmentation.segmenter` of a run.

It is told where an object is by a saliency map and its coarse mask, and draws the object's own outline. What it draws
for one prompt depends, up to rounding, on no other prompt.

Letters: H W pixels of a picture, P prompts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from stages.common.segmenting import Settings


@dataclass(frozen=True)
class Prompt:
    """Where an object is, as a text's saliency has it.

    Attributes:
        saliency: [H, W] float32, in [0, 1].
        coarse: [H, W] bool, the mask of it.
    """

    saliency: np.ndarray
    coarse: np.ndarray


class Segmenter(Protocol):
    """What `load` gives."""

    def masks(self, picture: np.ndarray, prompts: Sequence[Prompt]) -> np.ndarray:
        """The masks of one picture, which is encoded once for all of them.

        Args:
            picture: [H, W, 3] uint8, RGB.
            prompts: P of them, each of the picture's size.

        Returns:
            [P, H, W] bool; empty where the coarse mask is.
        """
        ...


class Method(Protocol):
    """The names that the module of a segmenter holds.

    Attributes:
        WEIGHTS: id on a hub of the weights that it takes where a run names none, written as a plain text; None: it
            needs no weights.
    """

    WEIGHTS: str | None

    @staticmethod
    def load(settings: Settings, device: torch.device, where: str) -> Segmenter:
        """The segmenter, ready to be asked.

        Args:
            settings: of which `segmenter` is this method.
            device: where it computes.
            where: the settings were written, e.g. "params.yaml: runs.KEY.segmentation".

        Raises:
            UserError: one line, for: weights where it takes none, a missing folder, weights of another kind, no way to
                the hub.
        """
        ...
