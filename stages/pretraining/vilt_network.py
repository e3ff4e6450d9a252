"""The network of the tiny ViLT: built fresh, with heads that serve the training alone, and saved without them."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import ViltConfig

from stages.common.atomic import new_folder
from stages.networks.vilt import TIED, Network
from stages.networks.vilt import WEIGHTS as TENSORS
from stages.pretraining.teacher import HINTS
from stages.world.canvas import IMAGE_PX

WEIGHTS = Path("data/weights/tiny_vilt")
WIDTH, HEADS, LAYERS, PATCH, CONTEXT = 128, 4, 4, 8, 40
MEAN = STD = 0.5  # what the family vilt normalises by
SEEN = 128  # dimensions of the tiny CLIP's embeddings
TRAINING_ONLY = ("seen", "said", *HINTS)


def untrained(seed: int, words: int) -> Network:
    """A fresh ViLT for a vocabulary of `words` tokens, with the heads TRAINING_ONLY.

    `seen` and `said` give what the tiny CLIP makes of a picture and of a text; the hints what it sees in each place.
    """
    torch.manual_seed(seed)
    config = ViltConfig(
        architectures=["ViltForMaskedLM"],
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=2 * WIDTH,
        hidden_act="relu",
        image_size=IMAGE_PX,
        patch_size=PATCH,
        vocab_size=words,
        max_position_embeddings=CONTEXT,
        layer_norm_eps=1e-6,
    )
    network = Network(config)
    for name, size in {"seen": SEEN, "said": SEEN, **HINTS}.items():
        network.add_module(name, nn.Linear(WIDTH, size))
    return network


def save(network: Network, words: list[str], record: dict) -> None:
    """Write weights, model config, vocabulary and the record of the training, without the heads TRAINING_ONLY."""
    state = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    tensors = {name: value for name, value in state.items() if name != TIED and name.split(".")[0] not in TRAINING_ONLY}
    with new_folder(WEIGHTS) as folder:
        save_file(tensors, folder / TENSORS, metadata={"format": "pt"})
        network.config.save_pretrained(folder)
        (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
        (folder / "pretraining.json").write_text(json.dumps(record, indent=2) + "\n")
