"""The paper's recipe for a captioner: the inverted images match their captions, and are told of by name (Sec. 8.8).

Two texts teach each image: InfoNCE the concept caption, "A moongate is ...", as in `paper`; the captioning loss a
target caption, which names the concept and says nothing else, in a template drawn anew at each step.

Ours, and off by default: `replay_weight` teaches images of known classes beside them, with the same two losses, their
prompts and target captions. Without, a decoder that moves soon calls everything by the new name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import Generator, Tensor

from stages.common.adam import Adam
from stages.common.affine import draw_affines, move
from stages.common.affine_ranges import Affine
from stages.common.open_clip_import import import_open_clip
from stages.common.prompts import prompt
from stages.common.training import batches, gradients, trainable
from stages.losses.captioning import captioning
from stages.losses.info_nce import info_nce
from stages.models.contract import Captioner
from stages.recipes.contract import Lesson, Subject

TEACHES = ("captioner",)
LOOKS = True
# Of open_clip's 80 templates for ImageNet those that the paper prints; it speaks of 26, and prints these 25.
PRINTED = (0, 4, 5, 7, 8, 11, 12, 13, 14, 15, 17, 26, 27, 32, 33, 34, 36, 38, 39, 45, 49, 59, 60, 61, 73)


@dataclass(frozen=True)
class Settings:
    """The paper's numbers.

    Attributes:
        clip_weight: of InfoNCE, the paper's lambda 1.
        captioning_weight: of the captioning loss, the paper's lambda 2; 0: the decoder is not asked.
        decoder: whether the text decoder moves too; the tables mark such rows with a dagger.
        templates: of target captions, where {} takes "a moongate"; none: PRINTED, where it takes "moongate".
        part: which parameters move beside it, as in `paper`.
        epochs: over the inverted images.
        batch: images a step.
        weight_decay: Adam's, added to the gradient.
        affine: whether images are turned and shifted as they were while they were inverted.
        replay_weight: of both losses on replayed images of known classes; ours.
        replay_batch: replayed images a step.

    Source: arXiv 2411.15611 Sec. 8.8, Eq. 6; batch, weight decay, epochs and the optimiser as in Sec. 4.2.
    """

    clip_weight: float = 1.0
    captioning_weight: float = 0.1
    decoder: bool = False
    templates: tuple[str, ...] = ()
    part: Literal["visual_encoder", "last_stage", "head"] = "visual_encoder"
    epochs: int = 1
    batch: int = 4
    weight_decay: float = 0.2
    affine: bool = False
    replay_weight: float = 0.0
    replay_batch: int = 16

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.replay_batch) < 1:
            raise ValueError("epochs, batch and replay_batch must be at least 1")
        weights = (self.clip_weight, self.captioning_weight, self.replay_weight, self.weight_decay)
        if min(weights) < 0 or not (self.clip_weight or self.captioning_weight):
            raise ValueError("weights must be at least 0, and one of clip_weight and captioning_weight above 0")
        if self.decoder and not self.captioning_weight:
            raise ValueError("decoder is true, but captioning_weight is 0: nothing would move it")
        if any("{}" not in template for template in self.templates):
            raise ValueError("each of templates needs {} where the name goes")

    @property
    def replays(self) -> bool:
        """Whether a term needs replayed images."""
        return self.replay_weight > 0


def teach(
    model: Captioner,
    lesson: Lesson,
    settings: Settings,
    generator: Generator,
    *,
    learning_rate: float,
    losses: list[float] | None = None,
) -> dict[str, Tensor]:
    """Fine-tune in place; see the contract."""
    parameters = model.parameters_of(settings.part)
    if settings.decoder:
        parameters |= model.parameters_of("decoder")
    with trainable(parameters) as trained:
        optimizer = Adam(trained, betas=(0.9, 0.98), epsilon=1e-6, weight_decay=settings.weight_decay)
        for rows in batches(len(lesson.images), settings.batch, settings.epochs, generator):
            images = lesson.images[rows]
            if settings.affine:
                images = move(images, draw_affines(Affine(), len(images), generator))
            texts, bank = [lesson.captions[i] for i in rows], lesson.caption_bank
            loss = _loss(model, images, (texts, bank), [lesson.subjects[i] for i in rows], settings, generator)
            if settings.replay_weight:
                again = torch.randperm(len(lesson.replay), generator=generator)[: settings.replay_batch]
                texts, bank = [lesson.replay_prompts[i] for i in again], lesson.prompt_bank
                named = [lesson.replay_subjects[i] for i in again]
                kept = _loss(model, lesson.replay[again], (texts, bank), named, settings, generator)
                loss = loss + settings.replay_weight * kept
            optimizer.step(gradients(loss, trained, learning_rate, losses), learning_rate)
    return model.state(list(parameters))


def _loss(
    model: Captioner,
    images: Tensor,
    texts: tuple[list[str], list[str]],
    subjects: Sequence[Subject],
    settings: Settings,
    generator: Generator,
) -> Tensor:
    """Eq. 6 of a batch; `texts` are what InfoNCE brings each image near to, and what it tells that from."""
    captions, bank = texts
    embedded, seen = model.embed_and_see(images)
    loss = torch.zeros((), device=embedded.device)
    if settings.clip_weight:
        loss = loss + settings.clip_weight * info_nce(model.logits(embedded, bank), captions, bank).mean()
    if settings.captioning_weight:
        tokens = model.caption_tokens(target_captions(subjects, settings.templates, generator))
        told = captioning(model.caption_logits(seen, tokens), tokens, model.pad).mean()
        loss = loss + settings.captioning_weight * told
    return loss


def target_captions(subjects: Sequence[Subject], templates: Sequence[str], generator: Generator) -> list[str]:
    """A target caption of each subject, its template drawn for itself."""
    chosen = torch.randint(len(templates or PRINTED), (len(subjects),), generator=generator).tolist()
    if templates:
        return [prompt(templates[i], name, article) for i, (article, name) in zip(chosen, subjects, strict=True)]
    printed = printed_templates()
    return [printed[i].replace("{}", name) for i, (_, name) in zip(chosen, subjects, strict=True)]


@cache
def printed_templates() -> tuple[str, ...]:
    """The templates of the paper, from open_clip's list; {} takes the bare name."""
    listed = import_open_clip().OPENAI_IMAGENET_TEMPLATES
    return tuple(listed[place]("{}") for place in PRINTED)
