"""Scenes of small things on a larger body: dials on a box, stars on a disk."""

from dataclasses import dataclass
from random import Random

from PIL import Image

from stages.world.backgrounds import background
from stages.world.canvas import Canvas
from stages.world.colors import INK, NAMES, named
from stages.world.shapes import draw_dial, draw_shape
from stages.world.words import NUMBERS, color_word, plural, with_article

BODIES = ("box", "panel", "base", "disk")
ITEMS = ("dial", "dial", "dial", "star", "diamond", "hexagon", "disk", "square", "triangle", "cross", "ring")


@dataclass(frozen=True)
class Panel:
    """A body with a row of equal things on it.

    Attributes:
        body: one of BODIES.
        color: of the body.
        item: one of ITEMS.
        item_color: of the things; None for dials.
        n: how many, 1 to 3.
    """

    body: str
    color: str
    item: str
    item_color: str | None
    n: int

    @classmethod
    def sample(cls, dice: Random) -> "Panel":
        """Any panel whose things differ from it in colour."""
        item, (color, item_color) = dice.choice(ITEMS), dice.sample(NAMES, 2)
        return cls(dice.choice(BODIES), color, item, None if item == "dial" else item_color, dice.randint(1, 3))

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """Anything."""
        return background(dice)

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Draw body and things in a fresh frame."""
        canvas.place(dice, 0.7, 0.95, tilt=0.08)
        height = dice.uniform(-0.2, 0.2) if self.body in ("box", "panel") else {"base": 0.45, "disk": 0.0}[self.body]
        self._draw_body(canvas, named(self.color, dice), height)
        size = min(0.42, 0.82 / self.n) * dice.uniform(0.75, 0.95) * (0.75 if self.body == "base" else 1)
        spread = 0.62 if self.body in ("base", "disk") else 0.85
        for i in range(self.n):
            center = ((2 * i + 1 - self.n) / self.n * spread, height)
            if self.item == "dial":
                draw_dial(canvas, center, size, dice)
            else:
                draw_shape(canvas, self.item, named(self.item_color or "", dice), center, size * 0.9)

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words."""
        body = with_article(f"{color_word(self.color, dice, thorough)}{self.body}")
        noun = dice.choice(("dial", "round dial", "small dial")) if self.item == "dial" else self.item
        noun = f"{color_word(self.item_color, dice, thorough)}{noun}"
        if self.n == 1:
            items = with_article(noun)
        else:
            some = "" if thorough else dice.choice(("", "", "some ", "a row of "))
            items = f"{some or NUMBERS[self.n] + ' '}{plural(noun)}"
        return dice.choice((f"{items} on {body}", f"{body} with {items}", f"{body} that carries {items}"))

    def _draw_body(self, canvas: Canvas, color: tuple[int, int, int], height: float) -> None:
        if self.body == "box":
            canvas.rectangle(-0.95, -0.7, 0.95, 0.75, color, INK)
        elif self.body == "panel":
            canvas.rectangle(-0.98, height - 0.45, 0.98, height + 0.45, color)
        elif self.body == "base":
            canvas.polygon([(-0.65, 0.05), (0.65, 0.05), (0.95, 0.9), (-0.95, 0.9)], color)
        else:
            canvas.ellipse((0, 0), 1, 1, color)
