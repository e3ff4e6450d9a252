"""The second phase of the tiny ViLT: pictures with sentences.

As in the published one, it learns whether a sentence belongs to a picture, and to guess hidden words. Beside that the
tiny CLIP still tells what it sees in the picture, and what the sentence says to it. Some sentences are hidden in full,
so that a picture alone must suggest words; these say nothing of whether they belong to it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.losses.masked_words import IGNORED, masked
from stages.networks.vilt import Network
from stages.pretraining.corpus import augmented
from stages.pretraining.teacher import APART, Teacher
from stages.pretraining.texts import by_length, cut, symmetric_loss
from stages.pretraining.vilt_network import MEAN, STD, save
from stages.pretraining.vilt_words import vocabulary_of

SHARES = {"matching": 2.0, "masked": 1.0, "seen": 1.0, "seen_apart": 0.5, "said": 0.5, "said_apart": 0.25}


@dataclass(frozen=True)
class Settings:
    """How pairs are learned.

    Attributes:
        steps: optimiser steps; over them the learning rate falls to zero as a cosine.
        batch: pictures a step, each shown with its own sentence.
        mismatched: pictures a step that are shown with a sentence of another besides; at most `batch`.
        learning_rate: its peak, reached after 100 steps.
        weight_decay: on matrices alone.
        hidden: chance of a word to be hidden, in texts that are neither shown whole nor hidden in full.
        whole: part of the matching texts that is shown whole.
        whole_mismatched: of the others.
        in_full: part of the matching texts that is hidden in full; none of the others is.
        hard: temperature of the choice of another's sentence: pictures that the tiny CLIP finds alike are likelier.
        hardened: steps until they are as likely as `hard` says; at first all are alike.
    """

    steps: int = 3200
    batch: int = 128
    mismatched: int = 64
    learning_rate: float = 1.0e-3
    weight_decay: float = 0.05
    hidden: float = 0.3
    whole: float = 0.25
    whole_mismatched: float = 0.5
    in_full: float = 0.3
    hard: float = 0.15
    hardened: int = 1000


@dataclass(frozen=True)
class Corpus:
    """What there is to learn from: N pictures with C sentences each.

    Attributes:
        pictures: uint8 [N, H, W, 3], on the network's device; all else is on the CPU.
        captions: N x C sentences, those of one picture after each other.
        tokens: [N, C, L], the same in numbers, 0 where padded.
        words: the vocabulary, in the order of its numbers.
        seen: [N, D], what the tiny CLIP sees in each picture, unit norm.
        groups: [N]; pictures of one group have sentences in common.
    """

    pictures: Tensor
    captions: list[str]
    tokens: Tensor
    words: list[str]
    seen: Tensor
    groups: Tensor


@dataclass(frozen=True)
class Asked:
    """P pairs of a picture and a text, as a step asks about them: B that match, then mismatches.

    Attributes:
        tokens: [P, L], before any was hidden.
        shown: [P, L], 0 where padded.
        wanted: [P, L], the hidden tokens, IGNORED elsewhere.
        is_readable: [P], whether the text is not hidden in full.
    """

    tokens: Tensor
    shown: Tensor
    wanted: Tensor
    is_readable: Tensor


@dataclass(frozen=True)
class Pairs:
    """The training on pairs, a Task of stages/pretraining/training.py."""

    settings: Settings
    network: Network
    corpus: Corpus
    teacher: Teacher
    seeds: int
    facts: tuple[object, ...]
    name = "tiny_vilt_pairs"
    warm_up = 100
    floor = 0.0

    @property
    def pictures(self) -> Tensor:
        """As in Task."""
        return self.corpus.pictures

    def losses(self, step: int, rows: Tensor, chance: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Matching, masked words, and what the tiny CLIP sees and says; as in Task."""
        corpus, n = self.corpus, len(rows)
        which = torch.randint(corpus.tokens.shape[1], (n,), generator=chance)
        tokens, taught = cut(corpus.tokens[rows, which].long()), corpus.seen[rows].to(corpus.pictures.device)
        images = augmented(corpus.pictures[rows], chance, MEAN, STD)
        asked = self._asked(step, tokens, rows, chance)
        pooled, sights, guesses, hidden, pairs = _read(self.network, asked, images)
        seen = F.normalize(self.network.seen(sights), dim=-1)
        captions = [corpus.captions[i] for i in (rows * corpus.tokens.shape[1] + which).tolist()]
        said, told = self._said(tokens), self.teacher.embed_texts(captions).to(images.device)
        same = (tokens[:, None] == tokens[None]).all(-1).float().to(images.device)
        own = (pairs % n).to(images.device)
        shares = {
            "matching": self._matching(pooled, pairs < n, asked.is_readable[pairs]),
            "masked": F.cross_entropy(self.network.mlm_score(guesses), hidden),
            "seen": (1 - (seen * taught[own]).sum(1)).mean(),
            "seen_apart": F.cross_entropy(APART * seen @ taught.T, own),
            "said": (1 - (said * told).sum(1)).mean(),
            "said_apart": symmetric_loss(said, told, APART, same),
        }
        return sum(weight * shares[name] for name, weight in SHARES.items()), shares

    def save(self, record: dict) -> None:
        """Write the weights, model config, vocabulary and the record of both phases."""
        save(self.network, self.corpus.words, record)

    def _asked(self, step: int, tokens: Tensor, rows: Tensor, chance: torch.Generator) -> Asked:
        """The pairs of a step: the pictures `rows` with their own tokens [B, L], and some with another's."""
        settings, seen = self.settings, self.corpus.seen[rows]
        alike = seen @ seen.T * min(1, step / settings.hardened)
        other = others_of(alike, self.corpus.groups[rows], settings.hard, chance)
        both = torch.cat((tokens, tokens[other[: settings.mismatched]]))
        drawn, is_own = torch.rand(len(both), generator=chance), torch.arange(len(both)) < len(rows)
        rates = torch.where(
            drawn < torch.where(is_own, settings.whole, settings.whole_mismatched), 0.0, settings.hidden
        )
        in_full = is_own & (drawn >= 1 - settings.in_full)
        shown, wanted = masked(both, vocabulary_of(self.corpus.words), rates.masked_fill(in_full, 1), chance)
        wanted[len(rows) :] = IGNORED  # a picture of something else says nothing about the hidden words
        return Asked(both, shown, wanted, ~in_full)

    def _matching(self, pooled: Tensor, is_own: Tensor, is_readable: Tensor) -> Tensor:
        """Cross-entropy of the pairs that can be read, as if there were as many mismatches as matches.

        Args:
            pooled: [P, WIDTH].
            is_own: [P], whether the text belongs to the picture.
            is_readable: [P].
        """
        mismatched = self.settings.mismatched
        balance = torch.tensor([is_readable.sum().item() / mismatched - 1, 1.0], device=pooled.device)
        kept, right = pooled[is_readable.to(pooled.device)], is_own[is_readable].long().to(pooled.device)
        return F.cross_entropy(self.network.itm_score["fc"](kept), right, balance)

    def _said(self, tokens: Tensor) -> Tensor:
        """[B, D], unit norm: of tokens [B, L] without any picture, what the head `said` makes of the first one."""
        tokens = tokens.to(self.corpus.pictures.device)
        states = self.network.encoded(self.network.text_states(tokens), tokens != 0)
        return F.normalize(self.network.said(states[:, 0]), dim=-1)


def _read(network: Network, asked: Asked, images: Tensor) -> tuple[Tensor, ...]:
    """What the heads are given: short texts and long ones are read apart, which is quicker.

    Args:
        network: as `untrained` makes it.
        asked: P pairs.
        images: [B, 3, H, W], normalised.

    Returns:
        [P, WIDTH] for matching, [P, WIDTH] of the image token, [Q, WIDTH] of the Q hidden tokens, these, [Q], and the
        pairs in the order that they come in, [P], on the CPU.
    """
    states, parts = network.image_states(images), by_length(asked.tokens)
    lengths = [cut(asked.tokens[pairs]).shape[1] for pairs in parts]
    found = [
        _read_part(network, asked.shown[pairs, :length], asked.wanted[pairs, :length], states[pairs % len(images)])
        for pairs, length in zip(parts, lengths, strict=True)
    ]
    return *(torch.cat(part) for part in zip(*found, strict=True)), torch.cat(parts)


def _read_part(network: Network, shown: Tensor, wanted: Tensor, images: Tensor) -> tuple[Tensor, ...]:
    shown, wanted = shown.to(images.device), wanted.to(images.device)
    mask = F.pad(shown != 0, (0, images.shape[1]), value=True)
    last = network.encoded(torch.cat([network.text_states(shown), images], dim=1), mask)
    length, is_hidden = shown.shape[1], wanted != IGNORED
    return network.vilt.pooler(last), last[:, length], last[:, :length][is_hidden], wanted[is_hidden]


def others_of(alike: Tensor, groups: Tensor, hard: float, chance: torch.Generator) -> Tensor:
    """For each of B pictures another of the batch, of no group that is its own; alike ones are likelier.

    Args:
        alike: [B, B], cosines of pictures.
        groups: [B]; pictures of one group have sentences in common.
        hard: temperature.
        chance: of the choice.
    """
    weights = (alike / hard).exp().masked_fill(groups[:, None] == groups[None], 0)
    return torch.multinomial(weights, 1, generator=chance)[:, 0]
