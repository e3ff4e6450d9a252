"""The tiny CLIP of the drawn world: how it is built, what it learns from a batch, how it is saved."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from stages.common.atomic import new_folder
from stages.common.open_clip_import import import_open_clip
from stages.common.progress import progress
from stages.pretraining.corpus import augmented, drawn
from stages.pretraining.texts import cut, embed_by_length, lexicon_loss, lexicon_tokens, symmetric_loss, tokenizer
from stages.world.canvas import IMAGE_PX
from stages.world.corpus import kinds

WEIGHTS = Path("data/weights/tiny_clip")
WIDTH, HEADS, LAYERS, VOCABULARY, CONTEXT = 128, 4, 2, 49408, 77
MODEL_CONFIG = {
    "embed_dim": WIDTH,
    "vision_cfg": {"image_size": IMAGE_PX, "layers": [1, 1, 1, 1], "width": 16, "head_width": 32, "patch_size": None},
    "text_cfg": {
        "context_length": CONTEXT,
        "vocab_size": VOCABULARY,
        "width": WIDTH,
        "heads": HEADS,
        "layers": LAYERS,
    },
}
MEAN, STD = 0.5, 0.27


@dataclass(frozen=True)
class Settings:
    """How the tiny CLIP is trained; written beside its weights.

    Attributes:
        known: pictures drawn of each known class.
        named: pictures drawn of each made-up name.
        scenes: pictures drawn of other scenes.
        captions: sentences for each picture.
        steps: optimiser steps; the learning rate falls to zero over them as a cosine.
        batch: pictures a step.
        learning_rate: its peak, reached after 100 steps.
        weight_decay: on matrices alone.
        logit_scale: fixed; a learned one ends at 30 and leaves less room for new names.
        lexicon_weight: weight of the text-only loss over made-up words.
        lexicon_words: words of that loss a step.
        seed: of everything.
    """

    known: int = 400
    named: int = 40
    scenes: int = 100_000
    captions: int = 4
    steps: int = 5500
    batch: int = 192
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    logit_scale: float = 50.0
    lexicon_weight: float = 0.2
    lexicon_words: int = 24
    seed: int = 0


@dataclass(frozen=True)
class TinyClip:
    """The training of the tiny CLIP, a Task of stages/pretraining/training.py.

    Attributes:
        row_of: [VOCABULARY], token id -> row of the network's token table.
        words: three views of every made-up word, as `lexicon_tokens` gives them, on the network's device.
    """

    settings: Settings
    network: nn.Module
    pictures: Tensor
    tokens: Tensor
    row_of: Tensor
    words: tuple[Tensor, ...]
    name = "tiny_clip"
    facts = ()
    warm_up = 100
    floor = 0.0

    @property
    def seeds(self) -> int:
        """As in Task."""
        return self.settings.seed * 1_000_003

    def losses(self, _: int, rows: Tensor, chance: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """InfoNCE of pictures and texts, and of the lexicon's words; as in Task."""
        settings, network = self.settings, self.network
        which = torch.randint(self.tokens.shape[1], (len(rows),), generator=chance)
        images, texts = augmented(self.pictures[rows], chance, MEAN, STD), self.tokens[rows, which]
        seen = F.normalize(network.encode_image(images.contiguous(memory_format=torch.channels_last)), dim=-1)
        same = (texts[:, None] == texts[None]).all(-1).float()
        loss = symmetric_loss(seen, embed_by_length(network, texts, self.row_of), settings.logit_scale, same)
        chosen = torch.randperm(len(self.words[0]), generator=chance)[: settings.lexicon_words]
        words = tuple(view[chosen] for view in self.words)
        loss = loss + settings.lexicon_weight * lexicon_loss(network, words, self.row_of)
        return loss, {"loss": loss}

    def save(self, record: dict) -> None:
        """Write WEIGHTS: weights, model config and the record of the training."""
        used = used_tokens(self.tokens, self.words)
        save(self.network.cpu(), used.cpu(), record)


def prepared(settings: Settings, workers: int, device: str) -> tuple[TinyClip]:
    """Everything drawn and a fresh network, ready to be trained: the only phase of it."""
    return (task_of(settings, drawn_corpus(settings, workers), device),)


def task_of(settings: Settings, corpus: tuple[Tensor, Tensor], device: str) -> TinyClip:
    """A fresh network and the corpus that it shall be trained on, as `drawn_corpus` gives it."""
    pictures, tokens = (part.to(device) for part in corpus)
    words = tuple(view.to(device) for view in lexicon_tokens(settings.seed))
    used = used_tokens(tokens, words).cpu()
    row_of = torch.zeros(VOCABULARY, dtype=torch.long)
    row_of[used] = torch.arange(len(used))
    return TinyClip(settings, untrained(settings, len(used)).to(device), pictures, tokens, row_of.to(device), words)


def drawn_corpus(settings: Settings, workers: int) -> tuple[Tensor, Tensor]:
    """All pictures, and the tokens of their captions.

    Returns:
        uint8 [N, IMAGE_PX, IMAGE_PX, 3] and int32 [N, captions, L].
    """
    plan = kinds(settings.known, settings.named, settings.scenes)
    pictures, captions = drawn(plan, settings.captions, settings.seed, workers)
    pieces = [captions[start : start + 10_000] for start in range(0, len(captions), 10_000)]
    tokens = torch.cat([tokenizer()(piece).int() for piece in progress(pieces, "tokenise the captions")])
    return pictures, cut(tokens).unflatten(0, (len(pictures), settings.captions))


def used_tokens(tokens: Tensor, words: tuple[Tensor, ...]) -> Tensor:
    """The tokens that the corpus and the lexicon have, rising: int64 [rows of the token table]."""
    return torch.cat([tokens.flatten(), *(view.flatten() for view in words)]).unique().long()


def untrained(settings: Settings, rows: int) -> nn.Module:
    """A fresh CLIP whose token table has `rows` rows."""
    import_open_clip()
    from open_clip.model import CLIP

    torch.manual_seed(settings.seed)
    network = CLIP(**MODEL_CONFIG)
    table = network.token_embedding.weight[:rows].clone()
    network.token_embedding = nn.Embedding.from_pretrained(table, freeze=False)
    network.logit_scale.data.fill_(math.log(settings.logit_scale)).requires_grad_(False)
    return network.to(memory_format=torch.channels_last)


def save(network: nn.Module, used: Tensor, record: dict) -> None:
    """Write weights, model config and the record of the training; only the token rows that were trained."""
    state = network.state_dict()
    write(WEIGHTS, {name: tensor for name, tensor in state.items() if name != "attn_mask"}, used, MODEL_CONFIG, record)


def write(goal: Path, tensors: dict[str, Tensor], used: Tensor, model_config: dict, record: dict) -> None:
    """Write a folder in open_clip's layout, with a record of the training.

    Args:
        goal: the folder.
        tensors: a state dict whose token tables have a row for each of `used`.
        used: the tokens that were trained, rising.
        model_config: of the architecture; pictures are normalised by MEAN and STD.
        record: of the training.
    """
    config = {
        "model_cfg": model_config,
        "preprocess_cfg": {"mean": [MEAN] * 3, "std": [STD] * 3, "interpolation": "bicubic", "resize_mode": "shortest"},
    }
    held = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()} | {"token_rows": used.to(torch.int32)}
    with new_folder(goal) as folder:
        save_file(held, folder / "open_clip_model.safetensors")
        (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
        (folder / "pretraining.json").write_text(json.dumps(record, indent=2) + "\n")
