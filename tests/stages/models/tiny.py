"""Random models small enough for a test: one or more for each family, as a folder of weights and the run that loads it.

A new family adds its makers to CASES; tests/stages/models/test_contract.py then holds it to the whole contract.
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from stages.common.open_clip_import import import_open_clip
from stages.common.params import Run

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
RESNET = {"layers": [1, 1, 1, 1], "width": 8, "head_width": 16, "image_size": 32}
VIT = {"layers": 4, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32}
PREPROCESS = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}


def config(vision: dict) -> dict:
    """The model config of a CLIP with this vision tower."""
    return {"embed_dim": 16, "vision_cfg": vision, "text_cfg": TEXT}


def clip_folder(vision: dict) -> Callable[[Path], None]:
    """A maker: writes a random CLIP with this vision tower into a folder, in open_clip's layout."""

    def make(folder: Path) -> None:
        torch.manual_seed(0)
        network = import_open_clip().CLIP(**config(vision))
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
                torch.nn.init.ones_(module.weight)  # open_clip starts with blocks that pass nothing on
        network.train().encode_image(torch.rand(16, 3, 32, 32))  # statistics of batch norm that let images differ
        tensors = {name: value.clone() for name, value in network.state_dict().items()}
        save_file(tensors, folder / "open_clip_model.safetensors")
        content = {"model_cfg": config(vision), "preprocess_cfg": PREPROCESS}
        (folder / "open_clip_config.json").write_text(json.dumps(content))

    return make


CASES = {("clip", "resnet"): clip_folder(RESNET), ("clip", "vit"): clip_folder(VIT)}


def run_for(weights: Path, family: str = "clip", **changes: object) -> Run:
    """A run line of which only what loading a model reads is filled in."""
    empty = dict.fromkeys(field.name for field in dataclasses.fields(Run))
    return Run(**{**empty, "key": "tiny", "family": family, "weights": str(weights), "device": "cpu", **changes})
