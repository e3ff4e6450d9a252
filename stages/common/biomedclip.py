"""BiomedCLIP as MedCLIP-SAMv2 publishes it, in the layout of transformers, brought to open_clip's.

Such a folder has the config.json of a CLIP whose text encoder is a BERT, the weights and the tokenizer. The network is
the BiomedCLIP that open_clip knows: a ViT of timm, a BERT of transformers and a projection of two layers. Only names
differ, and there queries, keys and values of the ViT are one matrix.

What config.json does not say is taken from the published model: 224 pixels, 256 tokens, and the preprocessing of CLIP.

Differs: norms of the ViT add 1e-6 to a variance, as BiomedCLIP's own do; the config.json of the layout says 1e-12.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from stages.common.failures import UserError
from stages.common.weight_files import BIOMEDCLIP, BIOMEDCLIP_CONFIG, BIOMEDCLIP_TOKENIZER, CONFIG

PAGE = "data/weights/biomedclip.md"
IMAGE_SIZE, CONTEXT, EMBEDDING = 224, 256, 512
PREPROCESS = {
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
BERT = "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"  # whose config and tokenizer BiomedCLIP has
TIMM = {  # width, blocks, heads and patch -> what timm calls such a ViT
    (768, 12, 12, 16): "vit_base_patch16_224",
    (768, 12, 12, 32): "vit_base_patch32_224",
    (1024, 24, 16, 16): "vit_large_patch16_224",
    (384, 12, 6, 16): "vit_small_patch16_224",
    (192, 12, 3, 16): "vit_tiny_patch16_224",
    (64, 6, 2, 16): "test_vit",
}
VIT, LAYER = r"vision_model\.encoder\.layers\.(\d+)\.", r"text_model\.encoder\.layers\.(\d+)\."
BLOCK, BERT_LAYER = r"visual.trunk.blocks.\1.", r"text.transformer.encoder.layer.\1."
NAMES = {  # of the published layout -> open_clip's; the first that a name begins with
    r"vision_model\.embeddings\.class_embedding": "visual.trunk.cls_token",
    r"vision_model\.embeddings\.position_embedding\.weight": "visual.trunk.pos_embed",
    r"vision_model\.embeddings\.patch_embedding\.": "visual.trunk.patch_embed.proj.",
    VIT + r"self_attn\.out_proj\.": BLOCK + "attn.proj.",
    VIT + r"self_attn\.([qkv])_proj\.": BLOCK + r"attn.\2.",
    VIT + r"layer_norm([12])\.": BLOCK + r"norm\2.",
    VIT + r"mlp\.": BLOCK + "mlp.",
    r"vision_model\.post_layernorm\.": "visual.trunk.norm.",
    r"visual_projection\.": "visual.head.proj.",
    r"text_model\.embeddings\.token_embedding\.": "text.transformer.embeddings.word_embeddings.",
    r"text_model\.embeddings\.(position|token_type)_embedding\.": r"text.transformer.embeddings.\1_embeddings.",
    r"text_model\.embeddings\.layer_norm\.": "text.transformer.embeddings.LayerNorm.",
    LAYER + r"self_attn\.q_proj\.": BERT_LAYER + "attention.self.query.",
    LAYER + r"self_attn\.k_proj\.": BERT_LAYER + "attention.self.key.",
    LAYER + r"self_attn\.v_proj\.": BERT_LAYER + "attention.self.value.",
    LAYER + r"self_attn\.out_proj\.": BERT_LAYER + "attention.output.dense.",
    LAYER + r"layer_norm1\.": BERT_LAYER + "attention.output.LayerNorm.",
    LAYER + r"mlp\.fc1\.": BERT_LAYER + "intermediate.dense.",
    LAYER + r"mlp\.fc2\.": BERT_LAYER + "output.dense.",
    LAYER + r"layer_norm2\.": BERT_LAYER + "output.LayerNorm.",
    r"text_projection\.fc1\.": "text.proj.0.",
    r"text_projection\.fc2\.": "text.proj.2.",
}
QUERY = re.compile(r"(visual\.trunk\.blocks\.\d+\.attn\.)q(\.\w+)")


def weights_in(folder: Path) -> Path:
    """The file of the weights in a published folder.

    Raises:
        UserError: there is none.
    """
    found = [folder / name for name in BIOMEDCLIP if (folder / name).is_file()]
    if not found:
        raise UserError(f"{folder} holds no {' or '.join(BIOMEDCLIP)} of BiomedCLIP; {PAGE} says how to get it.")
    return found[0]


@contextmanager
def open_clip_folder(folder: Path) -> Iterator[Path]:
    """A folder with the configs and the tokenizer of a published one as open_clip wants them; gone after the block.

    Raises:
        UserError: no tokenizer, a vision tower that timm has no name for, a text encoder that is no BERT.
    """
    if not any((folder / name).is_file() for name in BIOMEDCLIP_TOKENIZER):
        wanted = " or ".join(BIOMEDCLIP_TOKENIZER)
        raise UserError(f"{folder} holds no tokenizer ({wanted}); {PAGE} says how to get it.")
    config = json.loads((folder / BIOMEDCLIP_CONFIG).read_text(encoding="utf-8"))
    with TemporaryDirectory() as made:
        for path in [path for path in folder.iterdir() if re.match("tokenizer|vocab|special_tokens", path.name)]:
            copy(path, made)
        content = {"model_cfg": _model_cfg(folder, config), "preprocess_cfg": PREPROCESS}
        Path(made, CONFIG).write_text(json.dumps(content), encoding="utf-8")
        _write_bert(folder, config["text_config"], Path(made))
        yield Path(made)


def _model_cfg(folder: Path, config: dict) -> dict:
    """open_clip's words for the sizes."""
    vision, text = config.get("vision_config", {}), config["text_config"]
    published = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "patch_size": 16}
    sizes = {name: vision.get(name, size) for name, size in published.items()}
    if tuple(sizes.values()) not in TIMM or vision.get("hidden_act", "gelu") != "gelu":
        said = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise UserError(
            f"{folder / BIOMEDCLIP_CONFIG}: vision_config has {said}, hidden_act {vision.get('hidden_act', 'gelu')}, "
            f"which is none of: {', '.join(TIMM.values())}, with gelu."
        )
    tower = {"timm_model_name": TIMM[tuple(sizes.values())], "timm_model_pretrained": False, "timm_pool": ""}
    tower |= {"timm_proj": "linear", "image_size": vision.get("image_size", IMAGE_SIZE)}
    words = {"hf_model_name": BERT, "hf_tokenizer_name": BERT, "hf_proj_type": "mlp"}
    words |= {"hf_pooler_type": "cls_last_hidden_state_pooler"}
    words |= {"context_length": min(CONTEXT, text.get("max_position_embeddings", CONTEXT))}
    embedding = config.get("projection_dim", vision.get("projection_dim", EMBEDDING))
    return {"embed_dim": embedding, "vision_cfg": tower, "text_cfg": words}


def _write_bert(folder: Path, sizes: dict, goal: Path) -> None:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import BertConfig

    try:
        BertConfig.from_dict(sizes).save_pretrained(goal)
    except (TypeError, ValueError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder / BIOMEDCLIP_CONFIG}: text_config describes no BERT: {reason}") from error


def in_open_clips_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of the published layout under open_clip's names; any other passes unchanged."""
    if not {"vision_model.embeddings.class_embedding", "text_projection.fc1.weight"} <= state.keys():
        return state
    named = {_own_name(name): value for name, value in state.items()}
    for query in [name for name in named if QUERY.fullmatch(name)]:
        parts = [QUERY.sub(rf"\g<1>{letter}\2", query) for letter in "qkv"]
        if all(part in named for part in parts):
            named[QUERY.sub(r"\1qkv\2", query)] = torch.cat([named.pop(part) for part in parts])
    for name in ("visual.trunk.cls_token", "visual.trunk.pos_embed"):
        if name in named:
            named[name] = named[name].reshape(1, -1, named[name].shape[-1])
    return named


def _own_name(name: str) -> str:
    for published, own in NAMES.items():
        if re.match(published, name):
            return re.sub(published, own, name, count=1)
    return name
