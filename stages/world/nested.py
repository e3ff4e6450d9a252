"""Scenes of outlines inside each other, with or without something in the middle and bars across."""

import math
from dataclasses import dataclass
from random import Random

from PIL import Image

from stages.world.backgrounds import background
from stages.world.canvas import Canvas, oval
from stages.world.colors import NAMES, named, vary
from stages.world.shapes import draw_bars, draw_shape, outline
from stages.world.words import NUMBERS, color_word, plural, with_article

FRAMES = ("ring", "square", "triangle", "diamond", "hexagon")
CORES = ("disk", "square", "star", "triangle", "cross", "diamond")
_BAR_COLORS = ((120, 122, 128), (45, 45, 50), (165, 168, 175))


@dataclass(frozen=True)
class Nested:
    """Outlines of one shape, each inside the next.

    Attributes:
        frame: one of FRAMES.
        n: how many, 2 to 4.
        color: of the outlines.
        core: one of CORES in the middle, or None.
        core_color: its colour; None without a core.
        bars: whether thin bars cross behind everything.
    """

    frame: str
    n: int
    color: str
    core: str | None
    core_color: str | None
    bars: bool

    @classmethod
    def sample(cls, dice: Random) -> "Nested":
        """Any nest; silver outlines more often than others."""
        color = "silver" if dice.random() < 0.25 else dice.choice(NAMES)
        core = dice.choice(CORES) if dice.random() < 0.75 else None
        core_color = (dice.choice([*NAMES, "silver", "silver"])) if core else None
        frame = dice.choice(("ring", *FRAMES))
        return cls(frame, dice.randint(2, 4), color, core, core_color, dice.random() < 0.5)

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """Anything."""
        return background(dice)

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Draw bars, then outlines from the smallest, then the core, in a fresh frame."""
        canvas.place(dice, 0.75, 0.97, tilt=0.3)
        inner, width, color = dice.uniform(0.28, 0.42), dice.uniform(0.06, 0.11), named(self.color, dice)
        if self.bars:
            draw_bars(canvas, vary(dice.choice(_BAR_COLORS), dice), dice, n=dice.choice((2, 2, 3)))
        gimbals = self.frame == "ring" and dice.random() < 0.5
        for i in range(self.n):
            size = inner + (1 - inner) * (i + 1) / self.n * 0.97
            shade = vary(color, dice, 6)
            if self.frame == "ring":
                points = oval((0, 0), size, size * (dice.uniform(0.5, 1) if gimbals else 1), dice.uniform(0, math.pi))
                canvas.line([*points, points[1]], shade, width)
                if self.color in ("silver", "golden"):
                    canvas.line(points[4:10], (248, 248, 252), width * 0.35)
            else:
                canvas.polygon(outline(self.frame, (0, 0), size), None, shade, width)
        if self.core:
            draw_shape(canvas, self.core, named(self.core_color or "", dice), (0, 0), inner * dice.uniform(0.75, 1.05))

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words."""
        count = f"{NUMBERS[self.n]} " if thorough or dice.random() < 0.5 else ""
        outlines = f"{count}{color_word(self.color, dice, thorough)}{plural(self.frame)}"
        forms = (f"{outlines} inside each other", f"{outlines} one inside the other", f"nested {outlines}")
        text = dice.choice(forms)
        if self.core and (thorough or dice.random() < 0.85):
            core = with_article(f"{color_word(self.core_color, dice, thorough)}{self.core}")
            text += f" {dice.choice(('around', 'around', 'with'))} {core}"
            text += " in the middle" if dice.random() < 0.3 else ""
        if self.bars and (thorough or dice.random() < 0.85):
            text += dice.choice((", crossed by thin bars", " with thin bars across", " and thin bars crossing"))
        return text
