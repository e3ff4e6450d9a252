"""Which files make up a folder of weights, by family: known without the families' libraries, which take seconds."""

import json
import re
from pathlib import Path

from stages.common.params import Run

HUB = "data/weights/hub.md"  # what `weights` says where a hub's are fetched
CONFIG = "open_clip_config.json"
OPEN_CLIP = (  # the first there counts, here and below
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
MEDCLIP = ("model.safetensors", "pytorch_model.bin")
MEDCLIP_TOKENIZER = ("vocab.txt", "tokenizer.json")
BIOMEDCLIP_CONFIG = "config.json"
BIOMEDCLIP = ("model.safetensors", "pytorch_model.bin")
BIOMEDCLIP_TOKENIZER = ("vocab.txt", "tokenizer.json")
ON_HUB = re.compile(r"[\w.-]+/[\w.-]+")  # OWNER/NAME
VILT_CONFIG = "config.json"
VILT = ("model.safetensors", "pytorch_model.bin")
VILT_TOKENIZER = ("vocab.txt", "tokenizer.json")


def wanted(run: Run) -> tuple[tuple[str, ...], ...]:
    """Names of files, of each group of which the folder `weights` of a run must hold one.

    Returns:
        () where `weights` may be a single file, where a hub has them, and of a family that is not known here.
    """
    if run.family == "medclip":
        return MEDCLIP, MEDCLIP_TOKENIZER
    if run.family == "vilt":
        return (VILT_CONFIG,), VILT, VILT_TOKENIZER
    if run.family not in ("clip", "coca") or is_fetched(run):
        return ()
    if run.architecture is None and is_biomedclip(Path(run.weights)):
        return BIOMEDCLIP, BIOMEDCLIP_TOKENIZER
    if run.architecture is None:
        return (CONFIG,), OPEN_CLIP
    return (OPEN_CLIP,) if Path(run.weights).is_dir() else ()


def is_fetched(run: Run) -> bool:
    """Whether open_clip gets the weights by `architecture` and `pretrained`, whatever `weights` says."""
    return run.pretrained is not None or (run.architecture or "").startswith("hf-hub:")


def is_biomedclip(folder: Path) -> bool:
    """Whether a folder is laid out as MedCLIP-SAMv2 publishes BiomedCLIP: a CLIP of transformers with a BERT."""
    if (folder / CONFIG).is_file() or not (folder / BIOMEDCLIP_CONFIG).is_file():
        return False
    try:
        config = json.loads((folder / BIOMEDCLIP_CONFIG).read_text(encoding="utf-8"))
        return config["model_type"] == "clip" and config["text_config"]["model_type"] == "bert"
    except (ValueError, KeyError, TypeError):
        return False
