"""What a recipe is: a file of this folder with `Settings` and `teach`; `recipes:` of a run names it.

A recipe moves a model towards the lesson and returns the tensors that it moved. It sees inverted images and texts
alone: no photograph, no benchmark. `paper.py` is found as `paper`; a new file needs no other place.

Letters: B batch, N images of the lesson, R replayed images, K known classes.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from torch import Generator, Tensor

from stages.models.contract import Model

Subject = tuple[str | None, str]  # the article of a name, None where nobody wrote one, and the name


@dataclass(frozen=True)
class Lesson:
    """What a model is taught in one go.

    Attributes:
        images: [N, 3, H, W], inverted images of all concepts taught together.
        captions: N texts, "A moongate is ...", the caption of each image.
        prompts: N texts, "a photo of a moongate", the name of each image in the run's template.
        known_captions: K texts, "A wheel is ...", of the classes that the model knows.
        known_prompts: K texts, "a photo of a wheel".
        replay: [R, 3, H, W], images inverted from the known classes' own descriptions; R may be 0.
        replay_prompts: R texts, the prompt of each replayed image.
        subjects: N times the article and the name of what an image shows, "a" and "moongate"; a captioner alone is
            taught with them.
        replay_subjects: R times the same of what a replayed image shows.
    """

    images: Tensor
    captions: list[str]
    prompts: list[str]
    known_captions: list[str]
    known_prompts: list[str]
    replay: Tensor
    replay_prompts: list[str]
    subjects: list[Subject] = field(default_factory=list)
    replay_subjects: list[Subject] = field(default_factory=list)

    @cached_property
    def caption_bank(self) -> list[str]:
        """What every step tells captions from: each taught one once, then the known ones."""
        return list(dict.fromkeys(self.captions)) + self.known_captions

    @cached_property
    def prompt_bank(self) -> list[str]:
        """The same of prompts."""
        return list(dict.fromkeys(self.prompts)) + self.known_prompts


class Recipe(Protocol):
    """The names a recipe's module holds.

    TEACHES lists the kinds of models that it can move: "two" and "joint" are the words of a family's ENCODERS, and a
    "captioner" is one whose DECODES is true. LOOKS says whether it looks at the images of the lesson; one that does not
    has no control in which they are others.

    `Settings` is a frozen dataclass whose defaults are the recipe; its field `part` says which parameters move, in the
    words of stages/common/parts.py, and its attribute `replays` whether the recipe needs `Lesson.replay`. Where it has
    a field `decoder` that is true, the decoder moves as well, and nothing else.
    """

    TEACHES: tuple[str, ...]
    LOOKS: bool
    Settings: type

    @staticmethod
    def teach(
        model: Model,
        lesson: Lesson,
        settings: object,
        generator: Generator,
        *,
        learning_rate: float,
        losses: list[float] | None = None,
    ) -> dict[str, Tensor]:
        """Fine-tune in place and give the tensors that were trained, by their names in the state dict.

        Args:
            model: the untouched model; afterwards frozen again.
            lesson: what is taught.
            settings: the recipe's own.
            generator: every chance of the training.
            learning_rate: of the first step, or the peak where the recipe has a schedule.
            losses: gets the loss of each step, that of its batch before the step.

        Raises:
            UserError: the loss became NaN.
        """
        ...
