"""How long it takes from a text to a taught checkpoint, with the model loaded."""

import itertools
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import save_file

from stages.common import lookup, seeds
from stages.common.captions import sentence
from stages.common.prompts import prompt
from stages.inversion.optimisation import invert
from stages.recipes.contract import Lesson
from stages.speed.stopwatch import clock_of
from stages.speed.subject import RECIPE, TEXTS, Subject

NAME = "moongate"
LEARNING_RATE = 1e-5  # one of the paper's; speed does not depend on it


@dataclass(frozen=True)
class Journey:
    """Seconds of each part of the way.

    Attributes:
        model: its name.
        number: 0 for the first of the process, which also pays for what is done once.
        images: inverted, and taught.
        steps: of the inversion.
        text_s: the text's embedding.
        known_s: the embeddings of the known classes' captions, which a model needs once; of a joint encoder 0.
        inversion_s: from noise to the images, with all that a start costs.
        finetuning_s: one epoch of the recipe `paper`.
        writing_s: the trained tensors, into a file.
    """

    model: str
    number: int
    images: int
    steps: int
    text_s: float
    known_s: float
    inversion_s: float
    finetuning_s: float
    writing_s: float

    @property
    def total_s(self) -> float:
        """From text to checkpoint."""
        return self.text_s + self.known_s + self.inversion_s + self.finetuning_s + self.writing_s


def journey(subject: Subject, number: int, steps: int) -> Journey:
    """Teach the model one text in our way, and put it back; each number teaches another text.

    What it was is copied before the clock starts, and put back after it has stopped.

    Args:
        subject: the model, and how.
        number: of the journey, from 0.
        steps: of the inversion.
    """
    model, way, text = subject.model, subject.ours, TEXTS[number % len(TEXTS)]
    settings = replace(way.settings, steps=steps)
    untouched, now = model.state(list(model.parameters_of(subject.recipe.part))), clock_of(model.device)
    dice = [seeds.generator("bench", number, image) for image in range(settings.images)]
    with tempfile.TemporaryDirectory() as folder:
        times = [now()]
        target = model.inversion_target([text] * settings.images)
        times.append(now())
        if hasattr(model, "embed_texts"):
            model.embed_texts(subject.known)
        times.append(now())
        state = Path(folder) / "state.pt"
        *_, made = invert(model, target, settings, way.affine, generators=dice, state=state)
        times.append(now())
        lesson = Lesson(
            images=made.images,
            captions=[sentence(NAME, "a", text)] * settings.images,
            prompts=[prompt("a photo of {}", NAME, "a")] * settings.images,
            known_captions=subject.known,
            known_prompts=subject.known,
            replay=made.images[:0],
            replay_prompts=[],
        )
        recipe = lookup.find("stages.recipes", RECIPE, "stages/speed/subject.py: RECIPE")
        order = seeds.generator("bench", "order", number)
        taught = recipe.teach(model, lesson, subject.recipe, order, learning_rate=LEARNING_RATE)
        times.append(now())
        save_file(taught, Path(folder) / "taught.safetensors")
        times.append(now())
    model.load_state(untouched)
    seconds = [after - before for before, after in itertools.pairwise(times)]
    return Journey(subject.name, number, settings.images, steps, *seconds)
