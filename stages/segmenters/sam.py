"""SAM of transformers, told by a box, by points or by both; the paper's has the largest encoder, ViT-H.

`weights` of the run's `segmentation` is a folder or an id on the hub; null: the published ones. They are read from
safetensors alone.

Source: Kirillov et al., Segment Anything, arXiv 2304.02643.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stages.common.segmenting import Settings
from stages.networks.sam import Kind, PromptedNetwork, load_sam
from stages.segmenters.contract import Prompt

WEIGHTS = "facebook/sam-vit-huge"
KIND = Kind("SamModel", "SamProcessor", ("sam",), WEIGHTS)


class Sam:
    """A SAM behind the contract of stages/segmenters/contract.py."""

    def __init__(self, prompted: PromptedNetwork) -> None:
        self.prompted = prompted

    def masks(self, picture: np.ndarray, prompts: Sequence[Prompt]) -> np.ndarray:
        """[P, H, W] bool; of each mask the largest `components` of the settings."""
        return self.prompted.masks(picture, [one.saliency for one in prompts], [one.coarse for one in prompts])


def load(settings: Settings, device: torch.device, where: str) -> Sam:
    """The network, on its device.

    Raises:
        UserError: as `load_sam`.
    """
    return Sam(load_sam(KIND, settings, device, where))
