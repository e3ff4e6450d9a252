"""The tiny CoCa of the drawn world: what it learns from, and what of a batch.

As the published one it learns to embed a picture near its sentence, and to write the sentence token by token. Beside
that the tiny CLIP tells what it sees in the picture, at first in each place of it, and what the sentence says to it: a
transformer that begins with noise, and has pictures of a drawn world alone, is slow to see without. Its text encoder
begins as the tiny CLIP's.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.common.kept import digest
from stages.pretraining.clip import MEAN, STD, VOCABULARY, used_tokens
from stages.pretraining.clip import WEIGHTS as TINY_CLIP
from stages.pretraining.coca_network import WEIGHTS, TinyCoca, save, untrained
from stages.pretraining.corpus import drawn, moved, tinted
from stages.pretraining.teacher import APART, Scales, Teacher, measured, missed_hints
from stages.pretraining.texts import by_length, cut, lexicon_tokens, symmetric_loss, tokenizer
from stages.pretraining.trained import model_in
from stages.world.corpus import kinds

__all__ = ["WEIGHTS", "Settings", "prepared"]

SHARES = {
    "layer2": 1.0,
    "layer3": 1.0,
    "seen": 2.0,
    "seen_apart": 0.5,
    "said": 1.0,
    "contrastive": 0.5,
    "captioning": 1.0,
}
HINTED = ("layer2", "layer3")


@dataclass(frozen=True)
class Settings:
    """How the tiny CoCa is trained; written beside its weights.

    Attributes:
        known: pictures drawn of each known class.
        named: pictures drawn of each made-up name.
        scenes: pictures drawn of other scenes.
        captions: sentences for each picture.
        steps: optimiser steps; the learning rate falls to zero over them as a cosine.
        batch: pictures a step.
        learning_rate: its peak, reached after 100 steps.
        weight_decay: on matrices alone.
        hinted: steps until nothing is asked any more about what the tiny CLIP sees in each place.
        words: made-up words a step that must go on saying to it what they say to the tiny CLIP.
        logit_scale: fixed, as the tiny CLIP's.
        seed: of everything.
    """

    known: int = 500
    named: int = 30
    scenes: int = 50_000
    captions: int = 4
    steps: int = 4500
    batch: int = 96
    learning_rate: float = 1.2e-3
    weight_decay: float = 0.05
    hinted: int = 2000
    words: int = 24
    logit_scale: float = 50.0
    seed: int = 0


@dataclass(frozen=True)
class Sentences:
    """The training on pictures with sentences, a Task of stages/pretraining/training.py.

    Attributes:
        tokens: [N, C, L] of C sentences for each picture, 0 where padded, with a column of padding at the end.
        used: the tokens that there are; their places are the rows of the network's token table.
        row_of: [VOCABULARY], token -> row.
        words: [W, L], tokens of made-up words and of what they mean.
        scales: of the teacher's maps.
    """

    settings: Settings
    network: TinyCoca
    pictures: Tensor
    tokens: Tensor
    used: Tensor
    row_of: Tensor
    words: Tensor
    teacher: Teacher
    scales: Scales
    facts: tuple[object, ...]
    name = "tiny_coca"
    warm_up = 100
    floor = 0.0

    @property
    def seeds(self) -> int:
        """As in Task."""
        return self.settings.seed * 1_000_003

    def losses(self, step: int, rows: Tensor, chance: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """What the tiny CLIP sees and says, InfoNCE of pictures and sentences, and captioning; as in Task."""
        network, plain = self.network, moved(self.pictures[rows], chance)
        which = torch.randint(self.tokens.shape[1], (len(rows),), generator=chance)
        tokens = self.tokens[rows, which]
        taught, *maps = self.teacher.look(plain)
        looked, shown, guesses = network.look(tinted(plain, chance, MEAN, STD))
        seen, own = F.normalize(looked, dim=-1), torch.arange(len(rows), device=looked.device)
        read, captioning = self._read(tokens, shown)
        same = (tokens[:, None] == tokens[None]).all(-1).float()
        shares = missed_hints(guesses, maps, self.scales) if step < self.settings.hinted else {}
        shares |= {
            "seen": (1 - (seen * taught).sum(1)).mean(),
            "seen_apart": F.cross_entropy(APART * seen @ taught.T, own),
            "said": self._said(read, tokens, chance),
            "contrastive": symmetric_loss(seen, read, self.settings.logit_scale, same),
            "captioning": captioning,
        }
        fading = {name: 1 - step / self.settings.hinted for name in HINTED}
        return sum(SHARES[name] * fading.get(name, 1.0) * share for name, share in shares.items()), shares

    def _read(self, tokens: Tensor, shown: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of sentences [B, D], unit norm, and the mean loss of their tokens; short and long ones apart."""
        read, lost, count, parts = [], 0.0, 0, by_length(tokens)
        for part in parts:
            rows = self.row_of[padded(tokens[part])]
            embedded, states = self.network.read(rows)
            scores = self.network.write(shown[part], states[:, :-2])
            wanted = rows[:, 1:-1]
            lost = lost + F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=0, reduction="sum")
            count += int((wanted != 0).sum())
            read.append(F.normalize(embedded, dim=-1))
        return torch.cat(read)[torch.cat(parts).argsort()], lost / count

    def _said(self, read: Tensor, tokens: Tensor, chance: torch.Generator) -> Tensor:
        """How far sentences, and some made-up words, say something else than to the tiny CLIP: mean 1 - cosine."""
        words = self.words[torch.randperm(len(self.words), generator=chance)[: self.settings.words]]
        own = F.normalize(self.network.read(self.row_of[padded(words)])[0], dim=-1)
        told = torch.cat([self.teacher.embed_tokens(tokens), self.teacher.embed_tokens(words)])
        return (1 - (torch.cat([read, own]) * told).sum(1)).mean()

    def save(self, record: dict) -> None:
        """Write WEIGHTS: weights, model config and the record of the training."""
        save(self.network, self.used.cpu(), record)


def padded(tokens: Tensor) -> Tensor:
    """Tokens [B, L] cut to the longest text and one column of padding behind it."""
    return F.pad(cut(tokens), (0, 1)).long()


def prepared(settings: Settings, workers: int, device: str) -> tuple[Sentences]:
    """Everything drawn and a fresh network, ready to be trained: the only phase of it."""
    plan = kinds(settings.known, settings.named, settings.scenes)
    pictures, captions = drawn(plan, settings.captions, settings.seed, workers)
    tokens = torch.cat([tokenizer()(captions[at : at + 10_000]).int() for at in range(0, len(captions), 10_000)])
    tokens = cut(tokens).unflatten(0, (len(pictures), settings.captions))
    return (task_of(settings, pictures.to(device), tokens.to(device)),)


def task_of(settings: Settings, pictures: Tensor, tokens: Tensor) -> Sentences:
    """A fresh network and what it shall be trained on: uint8 [N, H, W, 3], int32 [N, C, L] of the same device."""
    model, views = model_in(TINY_CLIP), lexicon_tokens(settings.seed)
    longest = max(view.shape[1] for view in views)
    words = torch.cat([F.pad(view, (0, longest - view.shape[1])) for view in views])
    used = used_tokens(tokens.cpu(), (words,))
    row_of = torch.zeros(VOCABULARY, dtype=torch.long)
    row_of[used] = torch.arange(len(used))
    teacher = Teacher(model)
    scales = measured(teacher, pictures, settings.seed)
    network = untrained(settings.seed, len(used), model, used, settings.logit_scale).to(pictures.device)
    own = (part.to(pictures.device) for part in (used, row_of, words))
    return Sentences(settings, network, pictures, tokens, *own, teacher, scales, (asdict(settings), digest(TINY_CLIP)))
