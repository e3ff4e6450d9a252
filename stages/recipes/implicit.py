"""Implicit transfer: masked words with noise for an image, so that no image has to be inverted (Sec. 7.2 and 8.9).

What the model learns of a concept's name it learns from text alone. The hope is that an encoder which texts and images
share then sees the concept, too. For models of one joint encoder. The images of the lesson are not looked at.

Source: arXiv 2411.15611 Sec. 8.9; the paper finds that it does not work for ViLT.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from stages.common.adam import Adam
from stages.common.training import batches, gradients, trainable
from stages.losses.masked_words import masked, masked_words
from stages.models.contract import JointEncoder
from stages.recipes.contract import Lesson

TEACHES = ("joint",)
LOOKS = False


@dataclass(frozen=True)
class Settings:
    """The paper's numbers.

    Attributes:
        examples: of each caption, each with noise of its own and other words hidden.
        rate: chance of each word of a caption to be hidden; at least one is.
        part: which parameters move: visual_encoder, last_stage, head, text_encoder or both.
        epochs: over the examples; words are chosen anew in each.
        batch: examples a step.
        weight_decay: Adam's, added to the gradient.

    Source: arXiv 2411.15611 Sec. 8.9: whole words, 15 %, ten examples, batch 4, three steps, weight decay 0.01.
    """

    examples: int = 10
    rate: float = 0.15
    part: Literal["visual_encoder", "last_stage", "head", "text_encoder", "both"] = "visual_encoder"
    epochs: int = 1
    batch: int = 4
    weight_decay: float = 0.01
    replays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if min(self.examples, self.epochs, self.batch) < 1 or self.weight_decay < 0 or not 0 < self.rate <= 1:
            raise ValueError(
                "examples, epochs and batch must be at least 1, weight_decay at least 0, rate above 0 and at most 1"
            )


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
    captions = [caption for caption in dict.fromkeys(lesson.captions) for _ in range(settings.examples)]
    side = model.image_size
    noise = (0.5 + 0.5 * torch.randn(len(captions), 3, side, side, generator=generator)).clamp(0, 1)
    with trainable(parameters) as trained:
        optimizer = Adam(trained, betas=(0.9, 0.98), weight_decay=settings.weight_decay)
        for rows in batches(len(captions), settings.batch, settings.epochs, generator):
            tokens = model.tokens_of([captions[row] for row in rows]).cpu()
            shown, wanted = masked(tokens, model.vocabulary, settings.rate, generator)
            logits = model.masked_logits(noise[rows], shown)
            loss = masked_words(logits, wanted.to(logits.device))
            optimizer.step(gradients(loss, trained, learning_rate, losses), learning_rate)
    return model.state(list(parameters))
