"""Scenes of a thin rod on a base, the base plain or with small things on it."""

import math
from dataclasses import dataclass
from random import Random

from PIL import Image

from stages.world.backgrounds import background
from stages.world.canvas import Canvas
from stages.world.colors import INK, NAMES, named
from stages.world.shapes import draw_dial, draw_shape
from stages.world.words import NUMBERS, color_word, plural, with_article

BASES = ("square", "round", "sloped")
FIXTURES = ("dial", "star", "diamond", "hexagon", "disk", "square", "triangle", "cross", "ring")
TOPS = ("disk", "star", "square", "triangle", "ring", "diamond")


@dataclass(frozen=True)
class Stand:
    """A rod standing on a base.

    Attributes:
        color: of the rod.
        lean: "upright" or "leaning".
        base: one of BASES.
        base_color: of the base.
        top: one of TOPS at the upper end of the rod, or None.
        fixture: one of FIXTURES on the base, or None.
        n: how many fixtures, 1 to 3; 0 without one.
    """

    color: str
    lean: str
    base: str
    base_color: str
    top: str | None
    fixture: str | None
    n: int

    @classmethod
    def sample(cls, dice: Random) -> "Stand":
        """Any stand; two thirds carry something on the base."""
        color, base_color = (dice.choice([*NAMES, "silver", "silver"]) for _ in range(2))
        lean, base = dice.choice(("upright", "leaning")), dice.choice(BASES)
        if dice.random() < 0.67:
            return cls(color, lean, base, base_color, None, dice.choice(FIXTURES), dice.randint(1, 3))
        return cls(color, lean, base, base_color, dice.choice((None, *TOPS)), None, 0)

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """Anything."""
        return background(dice)

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Draw rod, base and what is on them in a fresh frame."""
        canvas.place(dice, 0.75, 0.97, tilt=0.07)
        width = dice.uniform(0.5, 0.8) if self.fixture else dice.uniform(0.35, 0.75)
        end = self._draw_rod(canvas, dice)
        if self.top:
            draw_shape(canvas, self.top, named(dice.choice(NAMES), dice), end, dice.uniform(0.18, 0.28))
        self._draw_base(canvas, dice, width)
        size = min(0.27, 0.8 * width / max(1, self.n))
        paint = named(dice.choice([name for name in NAMES if name != self.base_color]), dice)
        for i in range(self.n):
            center = ((2 * i + 1 - self.n) / max(1, self.n) * width * 0.75, 0.62)
            if self.fixture == "dial":
                draw_dial(canvas, center, size, dice)
            else:
                draw_shape(canvas, self.fixture or "", paint, center, size)

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words."""
        lean = f"{self.lean} " if dice.random() < 0.3 else ""
        thin = dice.choice(("thin", "slender", "long thin"))
        rod = f"a {thin} {lean}{color_word(self.color, dice, thorough)}rod"
        shape = f"{self.base} " if thorough or dice.random() < 0.5 else dice.choice(("", "small "))
        base = with_article(f"{shape}{color_word(self.base_color, dice, thorough)}base")
        text = f"{rod} {dice.choice(('on', 'standing on', 'on top of'))} {base}"
        if self.top and (thorough or dice.random() < 0.7):
            text += f" with {with_article(self.top)} at its end"
        if self.fixture and (thorough or dice.random() < 0.85):
            text += f" {dice.choice(('with', 'with', 'that carries'))} {self._fixtures(dice, thorough)}"
        return text

    def _fixtures(self, dice: Random, thorough: bool) -> str:
        noun = self.fixture or ""
        if noun == "dial":
            noun = dice.choice(("dial", "round dial", "small dial"))
        if self.n == 1:
            return with_article(noun)
        count = NUMBERS[self.n] if thorough else dice.choice((NUMBERS[self.n], NUMBERS[self.n], "some", "", "a row of"))
        return f"{count} {plural(noun)}".strip()

    def _draw_rod(self, canvas: Canvas, dice: Random) -> tuple[float, float]:
        angle = 0.0 if self.lean == "upright" else dice.choice((-1, 1)) * dice.uniform(0.3, 0.65)
        length, width = dice.uniform(1.1, 1.5), dice.uniform(0.07, 0.15)
        end = (math.sin(angle) * length, 0.5 - math.cos(angle) * length)
        canvas.line([(0, 0.5), end], named(self.color, dice), width)
        if self.color in ("silver", "golden"):
            canvas.line([(-0.01, 0.5), (end[0] - 0.01, end[1])], (245, 245, 248), width * 0.3)
        return end

    def _draw_base(self, canvas: Canvas, dice: Random, width: float) -> None:
        color, border = named(self.base_color, dice), INK if dice.random() < 0.5 else None
        if self.base == "round":
            canvas.ellipse((0, 0.62), width * 1.1, 0.36, color, border)
        elif self.base == "square":
            canvas.rectangle(-width, 0.3, width, 0.95, color, border)
        else:
            top, bottom = width * 0.7, width * 1.1
            canvas.polygon([(-top, 0.25), (top, 0.25), (bottom, 0.95), (-bottom, 0.95)], color, border)
