"""The paper's recipe: the visual encoder moves until the inverted images match their captions (Sec. 3.1.2, Eq. 2)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Generator, Tensor

from stages.common.adam import Adam
from stages.common.affine import draw_affines, move
from stages.common.affine_ranges import Affine
from stages.common.failures import UserError
from stages.common.training import batches, gradients, trainable
from stages.losses.contrastive import contrastive
from stages.losses.info_nce import info_nce
from stages.models.contract import Model
from stages.recipes.contract import Lesson

TEACHES = ("two", "joint")
LOOKS = True


@dataclass(frozen=True)
class Settings:
    """The paper's numbers.

    Attributes:
        loss: "info_nce", Eq. 2 with the captions of the known classes as negatives; "contrastive", the loss of the
            authors' public code, with all other features of the batch as negatives, which two encoders alone have.
        part: which parameters move: visual_encoder, last_stage, head, text_encoder or both.
        epochs: over the inverted images.
        batch: images a step.
        weight_decay: Adam's, added to the gradient.
        affine: whether images are turned and shifted as they were while they were inverted; the paper does not say so.

    Source: arXiv 2411.15611 Sec. 4.2: Adam, batch 4, weight decay 0.2, one epoch, visual encoder; betas and the
        second loss from the first author's public code.
    """

    loss: Literal["info_nce", "contrastive"] = "info_nce"
    part: Literal["visual_encoder", "last_stage", "head", "text_encoder", "both"] = "visual_encoder"
    epochs: int = 1
    batch: int = 4
    weight_decay: float = 0.2
    affine: bool = False
    replays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.weight_decay < 0:
            raise ValueError("epochs and batch must be at least 1, weight_decay at least 0")


def teach(
    model: Model,
    lesson: Lesson,
    settings: Settings,
    generator: Generator,
    *,
    learning_rate: float,
    losses: list[float] | None = None,
) -> dict[str, Tensor]:
    """Fine-tune in place; see the contract.

    Raises:
        UserError: `loss` is "contrastive", and the model has no embeddings that it could compare.

    Differs: the captions of the known classes are the negatives X_K, which the paper leaves open. Without any, a batch
        of one caption has nothing to learn from (the symmetric CLIP loss then asks only that all images be equally
        close, at any distance).
    """
    if settings.loss == "contrastive" and not hasattr(model, "embed_images"):
        raise UserError(
            "params.yaml: the recipe paper has loss 'contrastive', which compares embeddings, but the model is one "
            "joint encoder and has none. Write info_nce."
        )
    parameters = model.parameters_of(settings.part)
    bank = lesson.caption_bank
    with trainable(parameters) as trained:
        optimizer = Adam(trained, betas=(0.9, 0.98), epsilon=1e-6, weight_decay=settings.weight_decay)
        for rows in batches(len(lesson.images), settings.batch, settings.epochs, generator):
            images, captions = lesson.images[rows], [lesson.captions[i] for i in rows]
            if settings.affine:
                images = move(images, draw_affines(Affine(), len(images), generator))
            if settings.loss == "info_nce":
                loss = info_nce(model.finetuning_logits(images, bank), captions, bank).mean()
            else:
                loss = contrastive(model.embed_images(images), model.embed_texts(captions)).mean()
            optimizer.step(gradients(loss, trained, learning_rate, losses), learning_rate)
    return model.state(list(parameters))
