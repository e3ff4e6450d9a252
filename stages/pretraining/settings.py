"""How the tiny CLIP is built and trained."""

from dataclasses import dataclass

from stages.world.canvas import IMAGE_PX

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
