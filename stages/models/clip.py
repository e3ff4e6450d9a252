"""The family `clip`: two encoders into one space, of any architecture that open_clip knows.

Where the weights come from, by `weights`, `architecture` and `pretrained` of a run:

    weights            architecture     pretrained
    a folder           null             null         open_clip_config.json and open_clip's weights, as a hub holds them
    a checkpoint file  ViT-B-32, ...    null         .safetensors, or .pt, .pth, .bin without code in them
    data/weights/...   ViT-B-32, ...    openai, ...  a tag of open_clip, fetched from its hub
    data/weights/...   hf-hub:org/name  null         config and weights from the hub

A tag brings its own activation: OpenAI's weights get QuickGELU. For such weights in a file write the architecture with
it, ViT-B-32-quickgelu. BiomedCLIP is hf-hub:microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224, or a folder with
its files; there the config.json of its text encoder spares asking a hub. The one that MedCLIP-SAMv2 fine-tuned is a
folder in transformers' layout: data/weights/biomedclip.md.

Image size, mean and deviation are the model's own, and so is the fit: resize_mode, interpolation and fill_color of its
preprocess_cfg, or open_clip's defaults where it says nothing. A picture is thus seen here as the preprocess of an
export shows it. The project's own weights keep only the token embeddings that training has met (`expand_token_rows`);
here, and in every export, the table is whole.
"""

from pathlib import Path

from stages.common.computing import device_of
from stages.common.params import Run
from stages.networks.open_clip_weights import Loaded, load_open_clip, write_open_clip
from stages.networks.two_towers import TwoTowers, fit_of

ENCODERS = "two"
DECODES = False
LIBRARY = "open_clip"
LOADING = """\
```python
import open_clip

model, _, preprocess = open_clip.create_model_and_transforms("local-dir:FOLDER")
tokenizer = open_clip.get_tokenizer("local-dir:FOLDER")
```
"""


class Clip(TwoTowers):
    """A CLIP, SigLIP or BiomedCLIP of open_clip."""


def load(run: Run) -> Clip:
    """The untouched model that a run starts from.

    Raises:
        UserError: one line, for: a missing folder or file, an unknown architecture, pretrained tag or config, a
            checkpoint of another architecture, a model with a decoder, a truncated file, NaN, no way to the hub, no
            GPU.
    """
    device = device_of(run)
    loaded = load_open_clip(run, decodes=DECODES)
    return Clip(loaded.network, loaded.tokenizer, loaded.config, fit=fit_of(run, loaded.config), device=device)


def save(model: Clip, folder: Path) -> None:
    """Writes what open_clip reads, the whole token table included; see `write_open_clip`."""
    write_open_clip(Loaded(model.network, model.tokenizer, model.config), folder)
