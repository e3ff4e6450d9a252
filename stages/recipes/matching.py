"""Image-text matching: an inverted image and its caption are made to match, and mismatched pairs not to (Sec. 4.4.2).

For models of one joint encoder, whose head says of a pair whether it matches. The whole encoder moves but for the text
embeddings: an image goes through all the rest.

Every image of a batch is shown three times: with its own caption, which must match; with a wrong caption; and, where
there is another image to be had, its caption is shown with a wrong image. A wrong caption alone would teach nothing
about the image, and a wrong image alone nothing about the caption: the new name would then match whatever it is shown.
Wrong ones come from another concept of the same batch; where the batch holds but one, from another concept of the
lesson; and, as often, from the known classes: their captions, and images replayed from their descriptions.

Differs: the paper says that negative pairs are taken, not which. A concept taught alone has none but the known classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from stages.common.adam import Adam
from stages.common.failures import UserError
from stages.common.training import batches, gradients, trainable
from stages.models.contract import JointEncoder
from stages.recipes.contract import Lesson

TEACHES = ("joint",)
LOOKS = True


@dataclass(frozen=True)
class Settings:
    """The paper's numbers.

    Attributes:
        names: whether the prompts with the name, "a photo of a moongate", take part beside the captions. A caption says
            what its image shows, so a model that reads well finds that they match before it is taught, and has nothing
            to learn of the name. The prompt is the very one that the zero-shot classifier asks with.
        negatives: where wrong captions and images come from: "taught", the other concepts; "known", the known classes;
            or "all", both.
        part: which parameters move: visual_encoder, last_stage, head, text_encoder or both.
        epochs: over the inverted images.
        batch: images a step.
        weight_decay: Adam's, added to the gradient.

    Source: arXiv 2411.15611 Sec. 4.2 and 8.2: Adam, batch 4, one epoch, weight decay 0.01; batches of 16 to 256 in
        Sec. 8.7.
    Differs: `names` is ours.
    """

    names: bool = False
    negatives: Literal["all", "taught", "known"] = "all"
    part: Literal["visual_encoder", "last_stage", "head", "text_encoder", "both"] = "visual_encoder"
    epochs: int = 1
    batch: int = 4
    weight_decay: float = 0.01
    replays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.weight_decay < 0:
            raise ValueError("epochs and batch must be at least 1, weight_decay at least 0")


@dataclass(frozen=True)
class Pairs:
    """Images and texts, of which image i is shown with text i; R of them match, and stand first."""

    images: Tensor
    texts: list[str]
    n_matching: int


def teach(
    model: JointEncoder,
    lesson: Lesson,
    settings: Settings,
    generator: Generator,
    *,
    learning_rate: float,
    losses: list[float] | None = None,
) -> dict[str, Tensor]:
    """Fine-tune in place; see the contract.

    Raises:
        UserError: `negatives` leaves no caption that is wrong for a concept.
    """
    parameters = model.parameters_of(settings.part)
    with trainable(parameters) as trained:
        optimizer = Adam(trained, betas=(0.9, 0.98), weight_decay=settings.weight_decay)
        for rows in batches(len(lesson.images), settings.batch, settings.epochs, generator):
            loss = matching_loss(model, pairs_of(lesson, rows.tolist(), settings, generator))
            optimizer.step(gradients(loss, trained, learning_rate, losses), learning_rate)
    return model.state(list(parameters))


def matching_loss(model: JointEncoder, pairs: Pairs) -> Tensor:
    """Cross-entropy of the matching head; pairs that match weigh as much in all as those that do not."""
    logits = model.matching_logits(pairs.images, pairs.texts)
    is_match = (torch.arange(len(logits), device=logits.device) < pairs.n_matching).long()
    each = F.cross_entropy(logits, is_match, reduction="none")
    return (each[: pairs.n_matching].mean() + each[pairs.n_matching :].mean()) / 2


def pairs_of(lesson: Lesson, rows: Sequence[int], settings: Settings, generator: Generator) -> Pairs:
    """The pairs of a batch: each image with its caption, each with a wrong one, and each caption with a wrong image.

    With `names` the same of prompts, behind them.

    Args:
        lesson: what is taught.
        rows: images of the lesson that make up the batch.
        settings: where wrong ones come from.
        generator: of every choice.

    Raises:
        UserError: there is no wrong caption.
    """
    said = [(lesson.captions, lesson.known_captions)]
    said += [(lesson.prompts, lesson.known_prompts)] if settings.names else []
    everything = torch.cat([lesson.images, lesson.replay])
    right, wrong = [], []
    for texts, known in said:
        right += [(row, texts[row]) for row in rows]
        wrong += _mismatched(lesson, rows, settings, generator, texts=texts, known=known)
    images, shown = zip(*right, *wrong, strict=True)
    return Pairs(everything[list(images)], list(shown), len(right))


def _mismatched(
    lesson: Lesson,
    rows: Sequence[int],
    settings: Settings,
    generator: Generator,
    *,
    texts: Sequence[str],
    known: Sequence[str],
) -> list[tuple[int, str]]:
    """Images, by their place among all of lesson and replay, and texts that are wrong for them."""
    wrong_texts, wrong_images = [], []
    for row in rows:
        others = [other for other in rows if lesson.captions[other] != lesson.captions[row]]
        others = others or [other for other, one in enumerate(lesson.captions) if one != lesson.captions[row]]
        pools = _pools(settings, [texts[other] for other in others], known)
        if not pools:
            raise UserError(
                f"params.yaml: the recipe matching has negatives {settings.negatives!r}, but no other concept is "
                "taught in this run, so no caption is wrong. Write all or known."
            )
        wrong_texts.append((row, _any(pools, generator)))
        replayed = range(len(lesson.images), len(lesson.images) + len(lesson.replay))
        if images := _pools(settings, others, replayed):
            wrong_images.append((_any(images, generator), texts[row]))
    return wrong_texts + wrong_images


def _pools(settings: Settings, taught: Sequence, known: Sequence) -> list[Sequence]:
    """The sources of wrong ones that the settings allow and that hold any."""
    pools = {"taught": taught, "known": known}
    return [pool for name, pool in pools.items() if settings.negatives in ("all", name) and pool]


def _any(pools: list[Sequence], generator: Generator) -> object:
    """One of one of the pools, each pool as likely as the other."""
    pool = pools[int(torch.randint(len(pools), (), generator=generator))]
    return pool[int(torch.randint(len(pool), (), generator=generator))]
