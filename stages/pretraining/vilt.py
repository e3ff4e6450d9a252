"""The tiny ViLT of the drawn world: what it learns from, in two phases.

The published ViLT starts from a vision transformer that was trained on ImageNet, and learns from pictures with
sentences alone. Ours starts from noise. It is first shown pictures, and what the tiny CLIP sees in them
(stages/pretraining/vilt_sight.py); then pictures with sentences (stages/pretraining/vilt_pairs.py). The heads that only
the training needs are dropped at the end.
"""

from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from stages.common.kept import digest
from stages.pretraining import vilt_pairs, vilt_sight
from stages.pretraining.clip import WEIGHTS as TINY_CLIP
from stages.pretraining.corpus import drawn
from stages.pretraining.teacher import Teacher, measured
from stages.pretraining.trained import model_in
from stages.pretraining.vilt_network import WEIGHTS, untrained
from stages.pretraining.vilt_pairs import Corpus, Pairs
from stages.pretraining.vilt_sight import Sight
from stages.pretraining.vilt_words import tokens_of, word_pieces
from stages.world.corpus import kinds

__all__ = ["WEIGHTS", "Settings", "prepared"]


@dataclass(frozen=True)
class Settings:
    """How the tiny ViLT is trained; written beside its weights.

    Attributes:
        known: pictures drawn of each known class.
        named: pictures drawn of each made-up name.
        scenes: pictures drawn of other scenes.
        captions: sentences for each picture.
        words: tokens of the vocabulary, at most.
        sight: of the first phase, pictures alone.
        pairs: of the second, pictures with sentences.
        seed: of everything.
    """

    known: int = 600
    named: int = 20
    scenes: int = 60_000
    captions: int = 4
    words: int = 1000
    sight: vilt_sight.Settings = field(default_factory=vilt_sight.Settings)
    pairs: vilt_pairs.Settings = field(default_factory=vilt_pairs.Settings)
    seed: int = 0


def prepared(settings: Settings, workers: int, device: str) -> tuple[Sight, Pairs]:
    """Everything drawn and looked at by the tiny CLIP, and a fresh network, ready for both phases."""
    plan = kinds(settings.known, settings.named, settings.scenes)
    pictures, captions = drawn(plan, settings.captions, settings.seed, workers)
    words = word_pieces(captions, settings.words)
    tokens = tokens_of(captions, words).unflatten(0, (len(pictures), settings.captions))
    teacher = Teacher(model_in(TINY_CLIP))
    seen = teacher.embed_pictures(pictures)
    corpus = Corpus(pictures.to(device), captions, tokens, words, seen, groups_of(plan))
    return phases(settings, corpus, teacher)


def phases(settings: Settings, corpus: Corpus, teacher: Teacher) -> tuple[Sight, Pairs]:
    """Both trainings, one after the other of the same fresh network."""
    network = untrained(settings.seed, len(corpus.words)).to(corpus.pictures.device)
    seeds, facts = settings.seed * 1_000_003, (asdict(settings), corpus.words, digest(TINY_CLIP))
    scales = measured(teacher, corpus.pictures, settings.seed)
    return (
        Sight(settings.sight, network, corpus.pictures, teacher, scales, seeds, facts),
        Pairs(settings.pairs, network, corpus, teacher, seeds + 7_000_003, facts),
    )


def groups_of(plan: list[tuple[str, str]]) -> Tensor:
    """The group of each picture of a plan, [N]: those of one name are of one group, a scene is alone in its own."""
    first = {}
    return torch.tensor([first.setdefault(what, i) if what[1] else i for i, what in enumerate(plan)])
