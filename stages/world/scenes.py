"""Scenes: what a picture shows, as data; how one is drawn, and what a drawing keeps."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Protocol

import numpy as np
from PIL import Image

from stages.world.arrangements import Crossed, Pair, Several, Single, Wall
from stages.world.backgrounds import background
from stages.world.canvas import Canvas
from stages.world.nested import Nested
from stages.world.openings import Opening
from stages.world.panels import Panel
from stages.world.stands import Stand


class Scene(Protocol):
    """What every family of scenes offers; a scene is a frozen dataclass of words and numbers."""

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """What lies behind, and its word where it has one."""

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Draw the object."""

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words; with `thorough` nothing that tells it apart is left out."""


FAMILIES: dict[type, int] = {Single: 3, Pair: 4, Several: 3, Crossed: 3, Nested: 6, Opening: 5, Stand: 6, Panel: 5}
FAMILIES |= {Wall: 1}  # family -> how often, in relation to the others


@dataclass(frozen=True)
class Drawing:
    """A finished picture with all that is known of it.

    Attributes:
        pixels: uint8 [48, 48, 3].
        mask: bool [48, 48], the object.
        behind: word for the background's material, or None.
        scene: family and attributes, as plain data.
    """

    pixels: np.ndarray
    mask: np.ndarray
    behind: str | None
    scene: dict[str, Any]


def sample(dice: Random, families: dict[type, int] | None = None) -> Scene:
    """Any scene of `families` (all of them unless told)."""
    weights = families or FAMILIES
    family = dice.choices(list(weights), list(weights.values()))[0]
    return family.sample(dice)


def draw(scene: Scene, dice: Random) -> Drawing:
    """Draw a scene on a background of its own choice."""
    behind, word = scene.background(dice)
    return _finished(behind, word, lambda canvas: scene.draw(canvas, dice), dice, as_data(scene))


def draw_thing(name: str, paint: Callable[[Canvas, Random], None], dice: Random) -> Drawing:
    """Draw a known thing, placed at random on any background."""

    def place_and_paint(canvas: Canvas) -> None:
        canvas.place(dice)
        paint(canvas, dice)

    behind, word = background(dice)
    return _finished(behind, word, place_and_paint, dice, {"family": "Known", "name": name})


def as_data(scene: Scene) -> dict[str, Any]:
    """A scene as a mapping that JSON can hold: its family's name and its attributes."""
    return {"family": type(scene).__name__, **asdict(scene)}


def _finished(
    behind: Image.Image, word: str | None, paint: Callable[[Canvas], None], dice: Random, scene: dict[str, Any]
) -> Drawing:
    canvas = Canvas(behind)
    paint(canvas)
    pixels, mask = canvas.finished(dice)
    return Drawing(pixels, mask, word, scene)
