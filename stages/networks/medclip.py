"""MedCLIP's two encoders, read from its published checkpoint; stages/models/medclip.py says what a folder holds."""

import json
import re
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet
from transformers import BertConfig, BertModel, BertTokenizer, SwinConfig, SwinModel

from stages.common.failures import UserError
from stages.common.weight_files import MEDCLIP, MEDCLIP_TOKENIZER
from stages.common.weights import load_into, read_weights

PAGE = "data/weights/medclip.md"
CONFIG, (WEIGHTS, PUBLISHED) = "config.json", MEDCLIP
SIZES = {  # the published ones; the rest is the default of transformers' and torchvision's classes
    "text": {"vocab_size": 28996},
    "swin": {},
    "resnet": {"layers": [3, 4, 6, 3]},
}
IMAGE_SIZE, EMBEDDING = 224, 512
PUBLISHED_NAMES = {  # of Swin's tensors, where a newer transformers calls them otherwise
    ".attention.q_proj.": ".attention.self.query.",
    ".attention.k_proj.": ".attention.self.key.",
    ".attention.v_proj.": ".attention.self.value.",
    ".attention.relative_position_bias.": ".attention.self.",
    ".attention.o_proj.": ".attention.output.dense.",
    ".mlp.fc1.": ".intermediate.dense.",
    ".mlp.fc2.": ".output.dense.",
}
NOT_LEARNED = re.compile(r"\.(position_ids|relative_position_index)$")  # made anew by the classes of today


class Network(nn.Module):
    """Both encoders under the names of the published checkpoint, random until weights are loaded."""

    def __init__(self, config: dict) -> None:
        super().__init__()
        is_swin = config["architecture"] == "swin"
        self.vision_model = (_swin if is_swin else _resnet)(config["vision_config"])
        text = BertModel(BertConfig.from_dict(config["text_config"]))
        self.text_model = nn.ModuleDict({"model": text, "projection_head": _projection(text.config.hidden_size)})
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def encode_images(self, pixels: Tensor) -> Tensor:
        """[B, 3, H, W], normalised -> [B, 512], not of unit norm."""
        features = self.vision_model["model"](pixels)
        if "projection_head" not in self.vision_model:  # a ResNet's last layer is the projection
            return features
        return self.vision_model["projection_head"](features.pooler_output)

    def encode_tokens(self, tokens: Tensor) -> Tensor:
        """[M, length], numbers of tokens -> [M, 512], not of unit norm."""
        states = self.text_model["model"](tokens, output_hidden_states=True).hidden_states
        mean = torch.stack([states[1], states[2], states[-1]]).mean(dim=(0, 2))  # over three layers and all tokens
        return self.text_model["projection_head"](mean)


def _swin(sizes: dict) -> nn.ModuleDict:
    model = SwinModel(SwinConfig.from_dict(sizes))
    return nn.ModuleDict({"model": model, "projection_head": _projection(model.config.hidden_size)})


def _resnet(sizes: dict) -> nn.ModuleDict:
    model = ResNet(Bottleneck, **sizes)
    model.fc = _projection(model.fc.in_features)
    return nn.ModuleDict({"model": model})


def _projection(width: int) -> nn.Linear:
    return nn.Linear(width, EMBEDDING, bias=False)


def load_medclip(folder: Path, architecture: str | None) -> tuple[Network, BertTokenizer, dict]:
    """The network of a folder with its weights, its tokenizer, and the config that an export holds.

    Args:
        folder: with checkpoint and tokenizer.
        architecture: what the checkpoint must hold, swin or resnet; None: whatever it holds.

    Raises:
        UserError: one line, for: a missing folder, checkpoint or tokenizer, another architecture, a checkpoint or
            tokenizer of another model, a truncated file, NaN.
    """
    found = [folder / name for name in (WEIGHTS, PUBLISHED) if (folder / name).is_file()]
    if not found:
        raise UserError(f"{folder} is no folder with {PUBLISHED} (or {WEIGHTS}) of MedCLIP; {PAGE} says how to get it.")
    state = read_weights(found[0])
    holds = "resnet" if "vision_model.model.fc.weight" in state else "swin"
    if architecture not in (None, holds):
        raise UserError(f"{found[0]} holds MedCLIP's {holds}, but the run's architecture says {architecture!r}.")
    config = _config(folder / CONFIG, holds)
    network = _built(config, folder / CONFIG)
    own = {published_name(name): name for name in network.state_dict()}
    learned = {own.get(name, name): value for name, value in state.items() if not NOT_LEARNED.search(name)}
    load_into(network, learned, found[0])
    return network, _tokenizer(folder, network), config


def _config(path: Path, architecture: str) -> dict:
    """Architecture, image size and the sizes of both towers; a config.json of Bio_ClinicalBERT gives the text's."""
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        text = content if content.get("model_type") == "bert" else content.get("text_config", SIZES["text"])
        return {
            "architecture": architecture,
            "image_size": content.get("image_size", IMAGE_SIZE),
            "vision_config": content.get("vision_config", SIZES[architecture]),
            "text_config": text,
        }
    except (ValueError, AttributeError) as error:
        raise UserError(f"{path} is no config of MedCLIP: {type(error).__name__} {error}") from error


def _built(config: dict, path: Path) -> Network:
    try:
        return Network(config)
    except (TypeError, ValueError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} describes no MedCLIP: {type(error).__name__} {reason}") from error


def published_name(name: str) -> str:
    """What the published checkpoint calls a tensor of the network."""
    for own, published in PUBLISHED_NAMES.items():
        name = name.replace(own, published)
    return name


def _tokenizer(folder: Path, network: Network) -> BertTokenizer:
    if not any((folder / name).is_file() for name in MEDCLIP_TOKENIZER):
        raise UserError(f"{folder} holds no tokenizer ({' or '.join(MEDCLIP_TOKENIZER)}); {PAGE} says how to get it.")
    try:
        tokenizer = BertTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise UserError(f"the tokenizer in {folder} cannot be read: {error}") from error
    rows = network.text_model["model"].config.vocab_size
    if len(tokenizer) != rows:
        raise UserError(
            f"the tokenizer in {folder} knows {len(tokenizer)} tokens, but the checkpoint {rows}: they do not belong "
            f"together. {PAGE} says how to get the right one."
        )
    return tokenizer
