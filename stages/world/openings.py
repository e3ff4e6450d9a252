"""Scenes of an opening in a wall, with something seen through it."""

import math
from dataclasses import dataclass
from random import Random

from PIL import Image

from stages.world.backgrounds import view
from stages.world.canvas import Canvas, Frame, Point, arc, oval
from stages.world.colors import vary
from stages.world.shapes import OUTLINES
from stages.world.textures import texture
from stages.world.words import with_article

OPENINGS = ("round", "square", "arched", "triangular", "hexagonal", "diamond-shaped", "star-shaped")
WALLS = {"brick": "brick", "stone": "stone", "wood": "wood", "metal": "metal", "tile": "tile", "plaster": "plaster"}
WALLS |= {"grass": "hedge", "sand": "sand"}
VIEWS = ("garden", "sky", "water", "darkness")
_OUTLINE = {"square": "square", "triangular": "triangle", "hexagonal": "hexagon"}
_OUTLINE |= {"diamond-shaped": "diamond", "star-shaped": "star"}
_RIMS = ((90, 85, 80), (190, 185, 175), (140, 90, 70), (60, 55, 50))


@dataclass(frozen=True)
class Opening:
    """An opening of some shape in a wall of some material.

    Attributes:
        shape: one of OPENINGS.
        material: one of WALLS, of the wall.
        view: one of VIEWS, what is seen through it.
        rim: whether the opening has a border.
    """

    shape: str
    material: str
    view: str
    rim: bool

    @classmethod
    def sample(cls, dice: Random) -> "Opening":
        """Any opening."""
        return cls(dice.choice(OPENINGS), dice.choice(list(WALLS)), dice.choice(VIEWS), dice.random() < 0.5)

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """The wall; it is part of the scene, so it has no word of its own."""
        return texture(self.material, dice), None

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Cut the opening into the wall that is there; the opening is the object."""
        size = dice.uniform(0.42, 0.72)
        canvas.frame = Frame(
            dice.uniform(-0.2, 0.2), dice.uniform(-0.15, 0.2), size, 0.0, aspect=dice.uniform(0.92, 1.08)
        )
        border = vary(dice.choice(_RIMS), dice) if self.rim else None
        canvas.polygon(self._corners(), view(self.view, dice), border, dice.uniform(0.08, 0.2))
        if self.rim and self.shape == "round" and dice.random() < 0.4:
            _blocks(canvas, dice.randrange(14, 24))

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words; unless `thorough`, what is seen through it is named half the time."""
        hole, wall = with_article(f"{self.shape} {dice.choice(('opening', 'opening', 'hole'))}"), WALLS[self.material]
        other = dice.choice([name for name in WALLS.values() if name != wall])
        either = " or ".join(dice.sample((wall, other), 2))
        forms = [
            f"{hole} in {with_article(wall)} wall",
            f"{with_article(wall)} wall with {hole}",
            f"{hole} in a wall of {wall}",
        ]
        forms += [] if thorough else [f"{hole} in a wall of {either}", f"a wall of {either} with {hole}"]
        return dice.choice(forms) + self._seen(dice, thorough)

    def _seen(self, dice: Random, thorough: bool) -> str:
        if not thorough and dice.random() < 0.5:
            return ""
        scenery = with_article(self.view) if self.view == "garden" else self.view
        return dice.choice((f", {scenery} seen through it", f" with {scenery} behind it", f" and {scenery} behind it"))

    def _corners(self) -> list[Point]:
        if self.shape == "round":
            return oval((0, 0), 1, 1)
        if self.shape == "arched":
            return [(-0.75, 1), *arc((0, -0.2), 0.75, 0.8, math.pi, 2 * math.pi), (0.75, 1)]
        return OUTLINES[_OUTLINE[self.shape]]


def _blocks(canvas: Canvas, n: int) -> None:
    """Joints between the blocks of a round border."""
    for i in range(n):
        cos, sin = math.cos(2 * math.pi * i / n), math.sin(2 * math.pi * i / n)
        canvas.line([(0.93 * cos, 0.93 * sin), (1.1 * cos, 1.1 * sin)], (70, 65, 60), 0.03)
