"""Masked words with inverted images: the baseline of Table 11 that stands beside implicit transfer (Sec. 8.9).

Words of the caption are hidden, and the model is taught to guess them from the rest and from the inverted image. For
models of one joint encoder, which guess words. The matching head takes no part.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Generator, Tensor

from stages.common.adam import Adam
from stages.common.training import batches, gradients, trainable
from stages.losses.masked_words import masked, masked_words
from stages.models.contract import JointEncoder
from stages.recipes.contract import Lesson

TEACHES = ("joint",)
LOOKS = True


@dataclass(frozen=True)
class Settings:
    """The paper's numbers.

    Attributes:
        rate: chance of each word of a caption to be hidden; at least one is.
        part: which parameters move: visual_encoder, last_stage, head, text_encoder or both.
        epochs: over the inverted images; words are chosen anew in each.
        batch: images a step.
        weight_decay: Adam's, added to the gradient.

    Source: arXiv 2411.15611 Sec. 8.9: whole words, 15 %, batch 4, one epoch of ten images, weight decay 0.01.
    """

    rate: float = 0.15
    part: Literal["visual_encoder", "last_stage", "head", "text_encoder", "both"] = "visual_encoder"
    epochs: int = 1
    batch: int = 4
    weight_decay: float = 0.01
    replays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.weight_decay < 0 or not 0 < self.rate <= 1:
            raise ValueError("epochs and batch must be at least 1, weight_decay at least 0, rate above 0 and at most 1")


def teach(
    model: JointEncoder,
    lesson: Lesson,
    settings: Settings,
    generator: Generator,
    *,
    learning_rate: float,
    losses: list[float] | None = None,
) -> dict[str, Tensor]:
    """Fine-tune in place; see the contract."""
    parameters = model.parameters_of(settings.part)
    with trainable(parameters) as trained:
        optimizer = Adam(trained, betas=(0.9, 0.98), weight_decay=settings.weight_decay)
        for rows in batches(len(lesson.images), settings.batch, settings.epochs, generator):
            tokens = model.tokens_of([lesson.captions[row] for row in rows]).cpu()
            shown, wanted = masked(tokens, model.vocabulary, settings.rate, generator)
            logits = model.masked_logits(lesson.images[rows], shown)
            loss = masked_words(logits, wanted.to(logits.device))
            optimizer.step(gradients(loss, trained, learning_rate, losses), learning_rate)
    return model.state(list(parameters))
