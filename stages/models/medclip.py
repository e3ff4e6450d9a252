"""The family `medclip`: chest X-rays and findings in words, MedCLIP's two encoders read from its published checkpoint.

Where the weights come from: `weights` of a run is a folder with

    pytorch_model.bin or model.safetensors    the published checkpoint as it is, or what `save` wrote
    vocab.txt or tokenizer.json               the tokenizer of Bio_ClinicalBERT
    config.json                               only where the encoders are not of the published sizes

`architecture` is swin (Swin-tiny, the "ViT" of the paper), resnet (ResNet50), or null: what the checkpoint holds.
data/weights/medclip.md says where all of it is to be had. MedCLIP's own package cannot be imported beside today's
transformers, so the two encoders are put together here.

An image is seen in grey. A picture is pasted in the middle of a black square, then scaled.
Differs: each text is embedded alone. The published code pads the texts of a batch to one length and takes the mean over
    the padding too, so that there a text's embedding depends on its longest neighbour.
Differs: a picture smaller than 224 x 224 pixels is enlarged; the published code leaves it small amid black.
Source: RyanWangZf/MedCLIP, medclip/modeling_medclip.py and dataset.py; Wang et al., EMNLP 2022, arXiv 2210.10163.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import Parameter
from transformers import BertTokenizer

from stages.common.computing import device_of, precision_of
from stages.common.embeddings import Classes, class_rows, similarity
from stages.common.failures import UserError
from stages.common.images import Fit, fit_images
from stages.common.known_texts import CHUNK, KnownTexts
from stages.common.lookup import nearest
from stages.common.params import Run
from stages.common.parts import known_part
from stages.common.split_encoder import blocks_of
from stages.common.weights import copies, put_back
from stages.networks.medclip import CONFIG, WEIGHTS, Network, load_medclip, published_name

ENCODERS = "two"
DECODES = False
LIBRARY = "pytorch"
LOADING = """\
In this project a run takes the folder as its `weights: FOLDER`, with `family: medclip`. From Python:

```python
from pathlib import Path

from stages.common.images import read_images
from stages.models import medclip

model = medclip.read(Path("FOLDER"))
images = read_images([Path("x-ray.png")], model.fit)
print(model.similarity(images, ["no finding", "enlarged cardiac silhouette"]))
```
"""
ARCHITECTURES = ("swin", "resnet")
CONTEXT = 77
MEAN, STD = 0.5862785803043838, 0.27950088968644304  # of grey
GREY = (0.299, 0.587, 0.114)  # ITU-R 601-2, as Pillow weighs red, green and blue
MAX_LOGIT_SCALE = 4.6052  # log 100
BLOCK = re.compile(r"vision_model\.model\.(?:encoder\.layers\.|layer)(\d+)\.")
HEAD = re.compile(r"vision_model\.(?:projection_head|model\.layernorm|model\.fc)\.")


class MedClip:
    """MedCLIP behind the contract of stages/models/contract.py, in float32."""

    def __init__(self, network: Network, tokenizer: BertTokenizer, config: dict, device: torch.device) -> None:
        """Takes the network over: frozen, in evaluation mode, on `device`; `config` is what `save` writes."""
        self.network = network.eval().requires_grad_(False).to(device)
        self.tokenizer = tokenizer
        self.config = config
        self.device = device
        self.image_size = config["image_size"]
        self.fit = self.whole = Fit(self.image_size, "pad")
        self.context_length = CONTEXT
        self._grey = torch.tensor(GREY, device=device)[:, None, None]
        self._text_parameters = self.parameters_of("text_encoder")
        self._texts = KnownTexts(self._encode_texts, 1 if device.type == "cpu" else CHUNK)

    def embed_texts(self, texts: list[str]) -> Tensor:
        """[M, D], unit norm."""
        return self._texts.of(texts, self._text_parameters.values())

    def _encode_texts(self, texts: list[str]) -> Tensor:
        return torch.cat([F.normalize(self.network.encode_tokens(self._tokens(text)), dim=-1) for text in texts])

    def _tokens(self, text: str) -> Tensor:
        return self.tokenizer(text, truncation=True, max_length=CONTEXT, return_tensors="pt").input_ids.to(self.device)

    def embed_classes(self, classes: Classes) -> Tensor:
        """[K, D]: of an ensemble the mean of its prompts' embeddings, so that the similarity is the mean cosine.

        Source: PromptClassifier of the published code, with ensemble=True: the mean of the prompts' logits.
        """
        return class_rows(self, classes, lambda embedded: embedded.mean(dim=0))

    def embed_images(self, images: Tensor) -> Tensor:
        """[B, D], unit norm; images of another shape are brought to the model's own by its fit."""
        grey = (fit_images(images.to(self.device), self.fit) * self._grey).sum(dim=1, keepdim=True)
        pixels = ((grey - MEAN) / STD).expand(-1, 3, -1, -1).to(precision_of(self))
        return F.normalize(self.network.encode_images(pixels).float(), dim=-1)

    @property
    def blocks(self) -> list[nn.Module]:
        """Stages of the visual encoder, the lowest first."""
        vision = self.network.vision_model["model"]
        return blocks_of(getattr(vision, "encoder", vision))

    def below(self, images: Tensor, blocks: int) -> Tensor:
        """The images: these towers are not cut."""
        return images

    def embed_above(self, activations: Tensor, blocks: int) -> Tensor:
        """Their embeddings."""
        return self.embed_images(activations)

    def inversion_target(self, texts: list[str]) -> Tensor:
        """The texts' embeddings, [M, D]."""
        return self.embed_texts(texts).detach()

    def inversion_loss(self, images: Tensor, target: Tensor) -> Tensor:
        """1 - cosine, [B] in [0, 2]. Source: arXiv 2411.15611 Eq. 3."""
        return 1 - (self.embed_images(images) * target).sum(dim=-1)

    def inversion_similarity(self, loss: Tensor) -> Tensor:
        """The cosine, in [-1, 1]."""
        return 1 - loss

    def logits(self, embedded: Tensor, classes: Classes) -> Tensor:
        """exp(logit_scale), at most 100, x the (mean) cosine, [B, K]."""
        scale = self.network.logit_scale.clamp(0, MAX_LOGIT_SCALE).exp()
        return scale * embedded @ self.embed_classes(classes).T

    def finetuning_logits(self, images: Tensor, classes: Classes) -> Tensor:
        """The logits of images, [B, K]."""
        return self.logits(self.embed_images(images), classes)

    def similarity(self, images: Tensor, classes: Classes) -> Tensor:
        """(Mean) cosine, [N, K] on the CPU."""
        return similarity(self, images, classes)

    def token_count(self, text: str) -> int:
        """Tokens of the whole text, start and end token included."""
        return len(self.tokenizer(text).input_ids)

    def parameters_of(self, part: str) -> dict[str, Parameter]:
        """Parameters of a part; the projections belong to their encoders, BERT's unused pooler to nothing."""
        named = dict(self.network.named_parameters())
        visual = [name for name in named if name.startswith("vision_model.")]
        text = [name for name in named if name.startswith("text_model.") and ".pooler." not in name]
        blocks = {name: int(found[1]) for name in visual if (found := BLOCK.match(name))}
        head = [name for name in visual if HEAD.match(name)]
        last = [name for name in visual if name in head or blocks.get(name) == max(blocks.values())]
        parts = {"visual_encoder": visual, "last_stage": last, "head": head, "text_encoder": text}
        parts["both"] = visual + text
        return {name: named[name] for name in parts[known_part(part, parts)]}

    def blocks_below(self, names: Iterable[str]) -> int:
        """0: these towers are not cut."""
        return 0

    def state(self, names: list[str]) -> dict[str, Tensor]:
        """Copies of the named tensors, on the CPU."""
        return copies(self.network, names)

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Puts tensors of `state` back, into this network's own memory."""
        if put_back(self.network, state) & self._text_parameters.keys():
            self._texts.forget()


def load(run: Run) -> MedClip:
    """The untouched model that a run starts from.

    Raises:
        UserError: one line, for: a missing folder, checkpoint or tokenizer, an unknown architecture or one that the
            checkpoint does not hold, a checkpoint or tokenizer of another model, a truncated file, NaN, no GPU.
    """
    where = f"params.yaml: runs.{run.key}"
    if run.architecture not in (None, *ARCHITECTURES):
        hint = nearest(run.architecture, ARCHITECTURES)
        raise UserError(
            f"{where}.architecture says {run.architecture!r}.{hint} MedCLIP has: {', '.join(ARCHITECTURES)}, or null."
        )
    if run.pretrained is not None:
        raise UserError(f"{where}.pretrained says {run.pretrained!r}, but MedCLIP has no such tags: write null.")
    return read(Path(run.weights), run.architecture, device_of(run))


def read(folder: Path, architecture: str | None = None, device: torch.device | str = "cpu") -> MedClip:
    """The model of a folder.

    Args:
        folder: with checkpoint and tokenizer; see the head of this file.
        architecture: what the checkpoint must hold, swin or resnet; None: whatever it holds.
        device: where to compute.

    Raises:
        UserError: as `load`.
    """
    return MedClip(*load_medclip(folder, architecture), torch.device(device))


def save(model: MedClip, folder: Path) -> None:
    """Writes model.safetensors under the published names, config.json and the tokenizer's files into a folder."""
    tensors = copies(model.network, model.network.state_dict())
    save_file(
        {published_name(name): value for name, value in tensors.items()}, folder / WEIGHTS, metadata={"format": "pt"}
    )
    (folder / CONFIG).write_text(json.dumps(model.config, indent=2) + "\n", encoding="utf-8")
    model.tokenizer.save_pretrained(folder)
