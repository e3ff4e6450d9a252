"""Random models small enough for a test: one or more for each family, as a folder of weights and the run that loads it.

A new family adds its makers to CASES; tests/stages/models/test_contract.py then holds it to the whole contract.
"""

import dataclasses
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from stages.common import lookup
from stages.common.failures import UserError
from stages.common.open_clip_import import OPTIONAL, import_open_clip
from stages.common.params import Run

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
RESNET = {"layers": [1, 1, 1, 1], "width": 8, "head_width": 16, "image_size": 32}
VIT = {"layers": 4, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32}
WORDS = ["cat", "dogs", "on", "street", "photo", "lung", "opacity", "left", "heart", "##ly"]
LIBRARY = Path(__file__).parents[3] / "captions" / "library"
DESCRIBED = ("chest_xray", "nodules", "coco", "rare_short")  # read word by word, not letter by letter
SAID = "".join((LIBRARY / f"{name}.yaml").read_text() for name in DESCRIBED)
LETTERS = [f"{mark}{letter}" for mark in ("", "##") for letter in "abcdefghijklmnopqrstuvwxyz,.-"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *WORDS]
VOCABULARY += sorted(set(re.findall("[a-z]{2,}", SAID)) - set(VOCABULARY))
BERT = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
}
BERT |= {"max_position_embeddings": 96}
VILT = {**BERT, "max_position_embeddings": 40, "image_size": 32, "patch_size": 8}
SWIN = {
    "image_size": 32,
    "patch_size": 2,
    "embed_dim": 8,
    "depths": [1, 2, 1],
    "num_heads": [1, 2, 2],
    "window_size": 4,
}
COCA_TEXT = {"context_length": 76, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}
POOLED = {**VIT, "output_tokens": True, "attentional_pool": True, "attn_pooler_heads": 2, "attn_pooler_queries": 5}
PATCHES = {**VIT, "width": 16, "output_tokens": True}  # what coca_base has: all patches are shown to the decoder
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


def coca_config(vision: dict, **text: object) -> dict:
    """The model config of a CoCa with this vision tower; `text` are more words of its text tower."""
    tower = {**COCA_TEXT, "embed_cls": True, "output_tokens": True, **text}
    return {"embed_dim": 16, "vision_cfg": vision, "text_cfg": tower, "multimodal_cfg": COCA_TEXT, "custom_text": True}


def coca_folder(vision: dict, **text: object) -> Callable[[Path], None]:
    """A maker: writes a random CoCa with this vision tower into a folder, in open_clip's layout."""

    def make(folder: Path) -> None:
        torch.manual_seed(0)
        config = coca_config(vision, **text)
        network = import_open_clip().CoCa(**{name: part for name, part in config.items() if name != "custom_text"})
        for name, parameter in network.named_parameters():  # open_clip leaves some as the memory was
            if name != "logit_scale":
                is_norm = ".ln_" in name and name.endswith("weight")
                torch.nn.init.normal_(parameter, is_norm, 0.3 if parameter.ndim > 1 else 0.1)
        tensors = {name: value.clone() for name, value in network.state_dict().items()}
        save_file(tensors, folder / "open_clip_model.safetensors")
        (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": PREPROCESS}))

    return make


def biomed_config() -> dict:
    """The model config of BiomedCLIP, tiny; as there, the text encoder's own config lies on a hub or in the folder."""
    vision = {"timm_model_name": "test_vit", "timm_pool": "", "timm_proj": "linear", "image_size": 32}
    text = {"hf_model_name": "some/bert", "hf_tokenizer_name": "some/bert", "hf_proj_type": "mlp"}
    text |= {"hf_pooler_type": "cls_last_hidden_state_pooler", "context_length": 64}
    return {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}


def biomed_folder(folder: Path) -> None:
    """A maker: a random model of BiomedCLIP's kind, a ViT of timm and a BERT of transformers, and all its files."""
    from transformers import BertConfig

    torch.manual_seed(0)
    write_tokenizer(folder)
    BertConfig(**BERT).save_pretrained(folder)
    content = {"model_cfg": biomed_config(), "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    built = biomed_config()
    built["text_cfg"] |= {"hf_model_name": str(folder), "hf_model_pretrained": False}
    network = import_open_clip(OPTIONAL).CustomTextCLIP(**built)
    for name, parameter in network.named_parameters():
        if "norm" not in name.lower() and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)  # transformers starts so small that all texts are alike
    save_file(
        {name: value.clone() for name, value in network.state_dict().items()}, folder / "open_clip_model.safetensors"
    )


def published_biomed_folder(folder: Path) -> None:
    """A maker: the same model in the layout of transformers, as MedCLIP-SAMv2 publishes it."""
    with tempfile.TemporaryDirectory() as made:
        biomed_folder(Path(made))
        state = load_file(Path(made, "open_clip_model.safetensors"))
    write_tokenizer(folder)
    torch.save(published_biomed(state), folder / "pytorch_model.bin")
    vision = {"hidden_size": 64, "num_hidden_layers": 6, "num_attention_heads": 2, "intermediate_size": 192}
    vision |= {"patch_size": 16, "image_size": 32, "hidden_act": "gelu", "model_type": "vit", "layer_norm_eps": 1e-12}
    text = {**BERT, "model_type": "bert"}
    config = {"model_type": "clip", "projection_dim": 16, "vision_config": vision, "text_config": text}
    (folder / "config.json").write_text(json.dumps({**config, "text_projection_config": {"hidden_size": 24}}))


def published_biomed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict of open_clip's BiomedCLIP under the names that MedCLIP-SAMv2 publishes it with."""
    vision, text = "vision_model.encoder.layers", "text_model.encoder.layers"
    names = {
        "visual.trunk.patch_embed.proj": "vision_model.embeddings.patch_embedding",
        "visual.trunk.norm": "vision_model.post_layernorm",
        "visual.head.proj": "visual_projection",
        "text.transformer.embeddings.word_embeddings": "text_model.embeddings.token_embedding",
        "text.transformer.embeddings.position_embeddings": "text_model.embeddings.position_embedding",
        "text.transformer.embeddings.token_type_embeddings": "text_model.embeddings.token_type_embedding",
        "text.transformer.embeddings.LayerNorm": "text_model.embeddings.layer_norm",
        "text.proj.0": "text_projection.fc1",
        "text.proj.2": "text_projection.fc2",
    }
    for n in range(6):
        inside = {"norm1": "layer_norm1", "norm2": "layer_norm2", "attn.proj": "self_attn.out_proj"}
        inside |= {"mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2"}
        names |= {f"visual.trunk.blocks.{n}.{own}": f"{vision}.{n}.{said}" for own, said in inside.items()}
        inside = {f"attention.self.{word}": f"self_attn.{word[0]}_proj" for word in ("query", "key", "value")}
        inside |= {"attention.output.dense": "self_attn.out_proj", "attention.output.LayerNorm": "layer_norm1"}
        inside |= {"intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2", "output.LayerNorm": "layer_norm2"}
        names |= {f"text.transformer.encoder.layer.{n}.{own}": f"{text}.{n}.{said}" for own, said in inside.items()}
    said = {"logit_scale": state["logit_scale"].reshape(())}
    said["vision_model.embeddings.class_embedding"] = state["visual.trunk.cls_token"][0, 0].clone()
    said["vision_model.embeddings.position_embedding.weight"] = state["visual.trunk.pos_embed"][0].clone()
    said["vision_model.embeddings.position_ids"] = torch.arange(len(state["visual.trunk.pos_embed"][0]))[None]
    for name in state.keys() - {"logit_scale", "visual.trunk.cls_token", "visual.trunk.pos_embed"}:
        module, _, kind = name.rpartition(".")
        if module.endswith(".attn.qkv"):
            for letter, part in zip("qkv", state[name].chunk(3), strict=True):
                said[f"{vision}.{module.split('.')[3]}.self_attn.{letter}_proj.{kind}"] = part.clone()
        else:
            said[f"{names[module]}.{kind}"] = state[name]
    return said


def write_tokenizer(folder: Path) -> None:
    """The vocabulary of a BERT that knows letters, a few words, and those of our descriptions for such models."""
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")


def medclip_config(architecture: str) -> dict:
    """Sizes of a tiny MedCLIP, as config.json of a folder holds them."""
    vision = {"swin": SWIN, "resnet": {"layers": [1, 1, 1, 1], "width_per_group": 8}}[architecture]
    return {"image_size": 32, "vision_config": vision, "text_config": BERT}


def medclip_folder(architecture: str) -> Callable[[Path], None]:
    """A maker: writes a random MedCLIP into a folder, its checkpoint as the published one is laid out."""

    def make(folder: Path) -> None:
        write_tokenizer(folder)
        config = medclip_config(architecture)
        torch.save(published_checkpoint(architecture, config), folder / "pytorch_model.bin")
        (folder / "config.json").write_text(json.dumps(config))

    return make


def published_checkpoint(architecture: str, config: dict) -> dict[str, torch.Tensor]:
    """A random state dict with the names and extra tensors of MedCLIP's file, without a line of the code under test.

    transformers itself says what Swin's tensors were called when the file was written: it saves under those names.
    """
    from transformers import BertConfig, BertModel, SwinConfig, SwinModel

    torch.manual_seed(0)
    text = BertModel(BertConfig(**config["text_config"]))
    vision = SwinModel(SwinConfig(**config["vision_config"])) if architecture == "swin" else _resnet(config)
    for model in (text, vision):
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "norm" not in name.lower():
                torch.nn.init.normal_(parameter, std=0.5 / parameter[0].numel() ** 0.5)
    state = {f"text_model.model.{name}": value for name, value in text.state_dict().items()}
    width = text.config.hidden_size
    state["text_model.model.embeddings.position_ids"] = torch.arange(text.config.max_position_embeddings)[None]
    state["text_model.projection_head.weight"] = torch.randn(512, width) / width**0.5
    state |= {f"vision_model.model.{name}": value for name, value in _saved_names(vision).items()}
    if architecture == "swin":
        width = vision.config.hidden_size
        state["vision_model.projection_head.weight"] = torch.randn(512, width) / width**0.5
    return {**state, "logit_scale": torch.tensor(5.0)}


def _resnet(config: dict) -> torch.nn.Module:
    from torchvision.models.resnet import Bottleneck, ResNet

    network = ResNet(Bottleneck, **config["vision_config"])
    network.fc = torch.nn.Linear(2048, 512, bias=False)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(torch.rand(16, 3, 32, 32) * 3 - 2)  # statistics that let images differ
    return network.eval()


def _saved_names(vision: torch.nn.Module) -> dict[str, torch.Tensor]:
    if not hasattr(vision, "save_pretrained"):
        return vision.state_dict()
    with tempfile.TemporaryDirectory() as folder:
        vision.save_pretrained(folder)
        state = load_file(Path(folder) / "model.safetensors")
    side = vision.config.window_size**2
    tables = [name for name in state if name.endswith("relative_position_bias_table")]
    assert tables and all(".attention.self." in name for name in tables), tables
    for name in tables:
        state[name.replace("_bias_table", "_index")] = torch.zeros(side, side, dtype=torch.long)
        state[name] = torch.randn_like(state[name])
    return state


def vilt_folder(folder: Path) -> None:
    """A maker: a random ViLT and its tokenizer, its checkpoint as the published one is laid out."""
    from transformers import ViltConfig

    write_tokenizer(folder)
    ViltConfig(**VILT, architectures=["ViltForPreTraining"]).save_pretrained(folder)
    torch.save(published_vilt(), folder / "pytorch_model.bin")


def published_vilt() -> dict[str, torch.Tensor]:
    """A random state dict with the names and extra tensors of ViLT's file, without a line of the code under test.

    As there, the head that guesses words has a matrix of its own, and its bias stands under two names.
    """
    from transformers import ViltConfig, ViltModel

    torch.manual_seed(0)
    encoder = ViltModel(ViltConfig(**VILT))
    for name, parameter in encoder.named_parameters():
        if "norm" not in name.lower():
            torch.nn.init.normal_(parameter, std=0.1 if parameter.ndim < 2 else 0.3)  # else all pairs score alike
    width, words = VILT["hidden_size"], VILT["vocab_size"]
    state = {f"vilt.{name}": value for name, value in encoder.state_dict().items()}
    state["vilt.embeddings.text_embeddings.position_ids"] = torch.arange(VILT["max_position_embeddings"])[None]
    state["mlm_score.bias"] = state["mlm_score.decoder.bias"] = torch.randn(words)
    state["mlm_score.decoder.weight"] = torch.randn(words, width)
    state["mlm_score.transform.dense.weight"] = 0.3 * torch.randn(width, width)
    state["mlm_score.transform.dense.bias"] = torch.randn(width)
    state["mlm_score.transform.LayerNorm.weight"] = torch.ones(width)
    state["mlm_score.transform.LayerNorm.bias"] = torch.zeros(width)
    return {**state, "itm_score.fc.weight": torch.randn(2, width), "itm_score.fc.bias": torch.randn(2)}


def tied_vilt_folder(folder: Path) -> None:
    """A maker: the same, but words are guessed by their own embeddings, and the file is what `save` writes."""
    from stages.models import vilt

    vilt_folder(folder)
    path = folder / "pytorch_model.bin"
    state = torch.load(path, weights_only=True)
    state["mlm_score.decoder.weight"] = state["vilt.embeddings.text_embeddings.word_embeddings.weight"]
    torch.save(state, path)
    model = vilt.read(folder)
    path.unlink()
    vilt.save(model, folder)


CASES = {
    ("clip", "resnet"): clip_folder(RESNET),
    ("clip", "vit"): clip_folder(VIT),
    ("clip", "biomed"): biomed_folder,
    ("clip", "biomed_published"): published_biomed_folder,
    ("coca", "pooled"): coca_folder(POOLED),
    ("coca", "patches"): coca_folder(PATCHES),
    ("medclip", "swin"): medclip_folder("swin"),
    ("medclip", "resnet"): medclip_folder("resnet"),
    ("vilt", "b32"): vilt_folder,
    ("vilt", "tied"): tied_vilt_folder,
}


def run_for(weights: Path, family: str = "clip", **changes: object) -> Run:
    """A run line of which only what loading a model reads is filled in."""
    empty = dict.fromkeys(field.name for field in dataclasses.fields(Run))
    return Run(**{**empty, "key": "tiny", "family": family, "weights": str(weights), "device": "cpu", **changes})


def refused(run: Run) -> str:
    """The one line that tells why a run's model cannot be loaded."""
    with pytest.raises(UserError) as told:
        lookup.find("stages.models", run.family, "a test").load(run)
    assert "\n" not in str(told.value)
    return str(told.value)
