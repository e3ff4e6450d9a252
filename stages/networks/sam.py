"""What the SAMs of transformers have in common: how they are read, and how they are told where an object is.

A prompt is a box, ten points of the object, or both. One mask is asked for, not three to choose from: a box or several
points leave little doubt about what is meant.

Differs: the authors' public code draws its points by lot; here they are salient places far from each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import nn

from stages.common import regions
from stages.common.failures import UserError
from stages.common.segmenting import Settings
from stages.common.weight_files import ON_HUB

POINTS = 10  # of the object, as in the authors' public code


@dataclass(frozen=True)
class Kind:
    """One of them.

    Attributes:
        network, processor: names of its classes in transformers.
        told: what a config.json says for model_type.
        weights: id on the hub of its published weights.
    """

    network: str
    processor: str
    told: tuple[str, ...]
    weights: str


class PromptedNetwork:
    """A network with its processor."""

    def __init__(self, network: nn.Module, processor: object, settings: Settings) -> None:
        """Takes the network over; of the settings it reads `prompts` and `components`."""
        self.network = network.eval().requires_grad_(False)
        self.processor = processor
        self.settings = settings

    def masks(self, picture: np.ndarray, saliency: Sequence[np.ndarray], coarse: Sequence[np.ndarray]) -> np.ndarray:
        """The masks of one picture.

        Args:
            picture: [H, W, 3] uint8, RGB.
            saliency: P maps [H, W].
            coarse: P masks [H, W] bool.

        Returns:
            [P, H, W] bool: of each the largest `components`; empty where the coarse mask is.
        """
        found = np.zeros((len(coarse), *picture.shape[:2]), bool)
        asked = [place for place, mask in enumerate(coarse) if mask.any()]
        if asked:
            drawn = self._drawn(picture, [self._words(saliency[place], coarse[place]) for place in asked])
            found[asked] = [regions.largest(mask, self.settings.components) for mask in drawn]
        return found

    def _words(self, saliency: np.ndarray, coarse: np.ndarray) -> dict[str, list]:
        """The prompt of one coarse mask, as a processor's arguments call it."""
        words = {}
        if self.settings.prompts != "point":
            x0, y0, x1, y1 = regions.box(coarse)
            height, width = coarse.shape
            # behind the last pixel, but within the picture, as in the authors' public code
            words["input_boxes"] = [x0, y0, min(x1 + 1, width - 1), min(y1 + 1, height - 1)]
        if self.settings.prompts != "box":
            # where there are fewer they are said again, for a pad would make one prompt depend on the others
            words["input_points"] = np.resize(regions.points(saliency, coarse, POINTS), (POINTS, 2)).tolist()
            words["input_labels"] = [1] * POINTS
        return words

    @torch.inference_mode()
    def _drawn(self, picture: np.ndarray, prompts: list[dict[str, list]]) -> np.ndarray:
        """[P, H, W] bool; the picture is encoded once."""
        together = {name: [[words[name] for words in prompts]] for name in prompts[0]}  # of one picture
        inputs = self.processor(images=Image.fromarray(picture), return_tensors="pt", **together)
        sizes = [inputs.pop(name) for name in ("original_sizes", "reshaped_input_sizes") if name in inputs]
        tensors = {name: value.to(self.network.device) for name, value in inputs.items()}
        tensors |= {name: value.float() for name, value in tensors.items() if value.dtype == torch.float64}
        found = self.network(**tensors, multimask_output=False).pred_masks.cpu()
        return self.processor.post_process_masks(found, *sizes)[0][:, 0].numpy()


def load_sam(kind: Kind, settings: Settings, device: torch.device, where: str) -> PromptedNetwork:
    """The network of the settings' `weights`, a folder or an id on the hub, or of the published ones.

    Args:
        kind: which it must be.
        settings: of the run.
        device: where it computes.
        where: the settings were written.

    Raises:
        UserError: one line, for: a missing folder, weights of another kind or without safetensors, a truncated file, no
            way to the hub.
    """
    import transformers

    weights = settings.weights or kind.weights
    said = f"{where}.weights " + (f"says {weights!r}" if settings.weights else f"is null for {weights!r}")
    if not Path(weights).is_dir() and not ON_HUB.fullmatch(weights):
        raise UserError(f"{said}, but there is no such folder, and an id on the hub is OWNER/NAME: {kind.weights}.")
    transformers.utils.logging.disable_progress_bar()  # of a second, for each of hundreds of tensors
    try:
        _refuse_other_kind(kind, transformers.PretrainedConfig.get_config_dict(weights)[0], said)
        network, read = getattr(transformers, kind.network).from_pretrained(
            weights, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        processor = getattr(transformers, kind.processor).from_pretrained(weights)
    except (OSError, ValueError, RuntimeError, TypeError, SafetensorError) as error:
        raise UserError(_unreadable(said, weights, error)) from error
    if read["missing_keys"]:
        missing = sorted(read["missing_keys"])
        raise UserError(f"{said}, whose file lacks {len(missing)} tensors of it, such as {missing[0]}.")
    return PromptedNetwork(network.to(device), processor, settings)


def fetch(weights: str) -> None:
    """Get a SAM of the hub into its cache, and build nothing.

    Raises:
        UserError: no way to the hub, or no such model there; the end of a sentence that begins with what was asked.
    """
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(weights, allow_patterns=["*.json", "*.safetensors"])
    except (OSError, ValueError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
        raise UserError(
            f"could not be fetched: {reason}. Fetch it once with a network: `hf download {weights}`."
        ) from error


def _refuse_other_kind(kind: Kind, config: dict, said: str) -> None:
    told = config.get("model_type")
    if told not in kind.told:
        raise UserError(f"{said}, whose config.json is of a {told!r}; it must be a {' or '.join(kind.told)}.")


def _unreadable(said: str, weights: str, error: Exception) -> str:
    reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
    if Path(weights).is_dir():
        return f"{said}, which cannot be read: {reason}."
    return f"{said}, which could not be fetched: {reason}. Fetch it once with a network: `hf download {weights}`."
