"""Our recipe: names taught beside captions, known classes replayed from their own descriptions, the head alone moved.

No photograph is needed for the replay: two images for each known class are inverted from its description, once for a
model. They keep the classes where they are while the new ones move in.

Inverted images are not photographs: an encoder that moves as a whole learns what sets them apart from pictures, and
answers rightly for them alone. The head, what follows the last block, has little room for that: to turn the images of
a description towards a name it has to turn whatever looks like that description. On the development concepts it finds
many more of their pictures than the last stage does, at the same price.

Differs: all of it, from the paper's recipe; `paper.py` is that one. The name term trains on the very prompt that the
zero-shot classifier asks with ("a photo of a moongate"). Whoever teaches a name knows it, but the report says so.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from stages.common.adam import Adam
from stages.common.affine import draw_affines, move
from stages.common.affine_ranges import Affine
from stages.common.training import batches, gradients, trainable
from stages.losses.info_nce import info_nce
from stages.models.contract import TwoEncoders
from stages.recipes.contract import Lesson

TEACHES = ("two",)
LOOKS = True


@dataclass(frozen=True)
class Settings:
    """Weights of the four terms and the training's numbers; a weight of 0 switches its term off.

    Attributes:
        caption_weight: image against "A moongate is ...", among the captions of all taught and known classes.
        name_weight: image against "a photo of a moongate", among the prompts of all taught and known classes.
        replay_weight: replayed image against its own prompt, among the same prompts.
        distillation_weight: 1 - cosine of a replayed image's embedding to the untouched model's.
        part: which parameters move.
        epochs: over the inverted images.
        batch: inverted images a step.
        replay_batch: replayed images a step.
        weight_decay: AdamW's.

    The numbers were chosen on the development concepts of the drawn world (stages/world/concepts.py), on pictures that
    no benchmark holds.

    Source: ours. Distillation towards the old model: Li and Hoiem, "Learning without Forgetting".
    """

    caption_weight: float = 1.0
    name_weight: float = 2.0
    replay_weight: float = 1.0
    distillation_weight: float = 35.0
    part: Literal["visual_encoder", "last_stage", "head", "text_encoder", "both"] = "head"
    epochs: int = 30
    batch: int = 12
    replay_batch: int = 24
    weight_decay: float = 0.2

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.replay_batch) < 1:
            raise ValueError("epochs, batch and replay_batch must be at least 1")
        weights = (self.caption_weight, self.name_weight, self.replay_weight, self.distillation_weight)
        if min(*weights, self.weight_decay) < 0 or not any(weights):
            raise ValueError("weights must be at least 0, and one of the four terms above 0")

    @property
    def replays(self) -> bool:
        """Whether a term needs replayed images."""
        return self.replay_weight > 0 or self.distillation_weight > 0


def teach(
    model: TwoEncoders,
    lesson: Lesson,
    settings: Settings,
    generator: Generator,
    *,
    learning_rate: float,
    losses: list[float] | None = None,
) -> dict[str, Tensor]:
    """Fine-tune in place; see the contract. The learning rate falls to zero as a cosine."""
    parameters = model.parameters_of(settings.part)
    replayed = _replayed(model, lesson.replay, model.blocks_below(parameters)) if settings.replays else None
    plan = batches(len(lesson.images), settings.batch, settings.epochs, generator)
    with trainable(parameters) as trained:
        optimizer = Adam(trained, weight_decay=settings.weight_decay, decoupled=True)
        for step, rows in enumerate(plan):
            loss = _taught(model, lesson, rows, settings, generator)
            if replayed is not None:
                again = torch.randperm(len(lesson.replay), generator=generator)[: settings.replay_batch]
                loss = loss + _kept(model, lesson, replayed, again, settings)
            rate = learning_rate * 0.5 * (1 + math.cos(math.pi * step / len(plan)))
            optimizer.step(gradients(loss, trained, rate, losses), rate)
    return model.state(list(parameters))


@dataclass(frozen=True)
class Replayed:
    """What the replayed images are to the untouched model; computed once, since nothing moves them.

    Attributes:
        below: [R, ...], behind the blocks that lie below all that is trained.
        blocks: how many these are.
        embedded: [R, D].
    """

    below: Tensor
    blocks: int
    embedded: Tensor


def _replayed(model: TwoEncoders, images: Tensor, blocks: int) -> Replayed:
    with torch.no_grad():
        below = [model.below(part, blocks) for part in images.split(64)]
        return Replayed(torch.cat(below), blocks, torch.cat([model.embed_above(part, blocks) for part in below]))


def _taught(model: TwoEncoders, lesson: Lesson, rows: Tensor, settings: Settings, generator: Generator) -> Tensor:
    """The caption term and the name term of a batch."""
    images = move(lesson.images[rows], draw_affines(Affine(), len(rows), generator))
    texts, bank = lesson.caption_bank, lesson.prompt_bank
    embedded = model.embed_images(images)
    # one product for each bank: the width of a product may change its last bits, and so one term the other
    caption = info_nce(model.logits(embedded, texts), [lesson.captions[i] for i in rows], texts).mean()
    name = info_nce(model.logits(embedded, bank), [lesson.prompts[i] for i in rows], bank).mean()
    return settings.caption_weight * caption + settings.name_weight * name


def _kept(model: TwoEncoders, lesson: Lesson, replayed: Replayed, rows: Tensor, settings: Settings) -> Tensor:
    """The replay term and the distillation term of a batch of known images."""
    embedded = model.embed_above(replayed.below[rows.to(replayed.below.device)], replayed.blocks)
    bank = lesson.prompt_bank
    replay = info_nce(model.logits(embedded, bank), [lesson.replay_prompts[i] for i in rows], bank).mean()
    distillation = (1 - (embedded * replayed.embedded[rows.to(embedded.device)]).sum(1)).mean()
    return settings.replay_weight * replay + settings.distillation_weight * distillation
