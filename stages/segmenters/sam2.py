"""SAM 2 of transformers, told as a SAM is; newer than the paper, and faster.

`weights` of the run's `segmentation` is a folder or an id on the hub; null: the published ones. They are read from
safetensors alone.

Source: Ravi et al., SAM 2, arXiv 2408.00714; its image model alone, without the memory for videos.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stages.common.segmenting import Settings
from stages.networks.sam import Kind, PromptedNetwork, load_sam
from stages.segmenters.contract import Prompt

WEIGHTS = "facebook/sam2.1-hiera-large"
KIND = Kind("Sam2Model", "Sam2Processor", ("sam2", "sam2_video"), WEIGHTS)


class Sam2:
    """A SAM 2 behind the contract of stages/segmenters/contract.py."""

    def __init__(self, prompted: PromptedNetwork) -> None:
        self.prompted = prompted

    def masks(self, picture: np.ndarray, prompts: Sequence[Prompt]) -> np.ndarray:
        """[P, H, W] bool; of each mask the largest `components` of the settings."""
        return self.prompted.masks(picture, [one.saliency for one in prompts], [one.coarse for one in prompts])


def load(settings: Settings, device: torch.device, where: str) -> Sam2:
    """The network, on its device.

    Raises:
        UserError: as `load_sam`.
    """
    return Sam2(load_sam(KIND, settings, device, where))
