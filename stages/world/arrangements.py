"""Scenes of plain shapes: one alone, two together, several in a row, one crossed by bars, and a bare wall."""

from dataclasses import dataclass
from random import Random

from PIL import Image

from stages.world.backgrounds import background
from stages.world.canvas import Canvas
from stages.world.colors import NAMES, named, vary
from stages.world.shapes import SHAPES, draw_bars, draw_shape
from stages.world.textures import MATERIALS, texture
from stages.world.words import NUMBERS, color_word, plural, with_article

_CELLS = [(x, y) for x in (-0.66, 0.0, 0.66) for y in (-0.66, 0.0, 0.66)]
_HOLLOW = ("cross", "star", "bar")  # too narrow to hold another shape
_CROSSED = ("disk", "square", "ring", "star", "hexagon")


@dataclass(frozen=True)
class Single:
    """One shape of one colour, "small" or "large"."""

    shape: str
    color: str
    size: str

    @classmethod
    def sample(cls, dice: Random) -> "Single":
        """Any shape."""
        return cls(dice.choice(SHAPES), dice.choice(NAMES), dice.choice(("small", "large")))

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """Anything."""
        return background(dice)

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Draw it near the middle."""
        canvas.place(dice, 0.9, 0.9, tilt=0)
        size = dice.uniform(0.22, 0.36) if self.size == "small" else dice.uniform(0.6, 0.9)
        center = (dice.uniform(-0.3, 0.3), dice.uniform(-0.3, 0.3))
        draw_shape(canvas, self.shape, named(self.color, dice), center, size, angle=dice.uniform(-0.4, 0.4))

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words."""
        size = f"{self.size} " if thorough or dice.random() < 0.6 else ""
        return with_article(f"{size}{color_word(self.color, dice, thorough)}{self.shape}")


@dataclass(frozen=True)
class Pair:
    """Two shapes, the first `relation` ("above", "inside", "next to") the second."""

    shape: str
    color: str
    relation: str
    other: str
    other_color: str

    @classmethod
    def sample(cls, dice: Random) -> "Pair":
        """Any two shapes of two colours."""
        color, other_color = dice.sample(NAMES, 2)
        relation = dice.choice(("above", "inside", "next to"))
        others = [shape for shape in SHAPES if shape != "bar" and (relation != "inside" or shape not in _HOLLOW)]
        return cls(dice.choice(SHAPES), color, relation, dice.choice(others), other_color)

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """Anything."""
        return background(dice)

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Draw the second shape, then the first."""
        canvas.place(dice, 0.75, 0.95, tilt=0.06)
        places = {
            "inside": ((0.0, 0.05), dice.uniform(0.28, 0.4), (0.0, 0.0), dice.uniform(0.8, 0.98)),
            "next to": ((-0.52, dice.uniform(-0.2, 0.2)), 0.44, (0.52, 0.0), 0.44),
            "above": ((0.0, -0.5), dice.uniform(0.36, 0.46), (0.0, 0.5), dice.uniform(0.36, 0.46)),
        }
        center, size, other_center, other_size = places[self.relation]
        draw_shape(canvas, self.other, named(self.other_color, dice), other_center, other_size)
        draw_shape(canvas, self.shape, named(self.color, dice), center, size)

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words."""
        first = with_article(f"{color_word(self.color, dice, thorough)}{self.shape}")
        return f"{first} {self.relation} {with_article(color_word(self.other_color, dice, thorough) + self.other)}"


@dataclass(frozen=True)
class Several:
    """Equal shapes in a "row", a "column", or "scattered"."""

    n: int
    shape: str
    color: str
    order: str

    @classmethod
    def sample(cls, dice: Random) -> "Several":
        """Two to five of any shape."""
        order = dice.choice(("row", "column", "scattered"))
        return cls(dice.randint(2, 5), dice.choice(SHAPES), dice.choice(NAMES), order)

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """Anything."""
        return background(dice)

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Draw them one after the other."""
        canvas.place(dice, 0.8, 0.95, tilt=0.05)
        color, angle, offset = named(self.color, dice), dice.uniform(-0.3, 0.3), dice.uniform(-0.4, 0.4)
        along = [-1 + (2 * i + 1) / self.n for i in range(self.n)]
        centers = {
            "row": [(x, offset) for x in along],
            "column": [(offset, y) for y in along],
            "scattered": dice.sample(_CELLS, self.n),
        }[self.order]
        size = dice.uniform(0.2, 0.3) if self.order == "scattered" else 0.85 / self.n
        for center in centers:
            draw_shape(canvas, self.shape, vary(color, dice, 5), center, size, angle=angle)

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words."""
        shapes = f"{NUMBERS[self.n]} {color_word(self.color, dice, thorough)}{plural(self.shape)}"
        if self.order == "scattered":
            return f"{shapes} scattered around" if thorough or dice.random() < 0.5 else shapes
        return dice.choice((f"{shapes} in a {self.order}", f"a {self.order} of {shapes}"))


@dataclass(frozen=True)
class Crossed:
    """A shape crossed by two or three thin bars of another colour."""

    shape: str
    color: str
    bar_color: str
    n: int

    @classmethod
    def sample(cls, dice: Random) -> "Crossed":
        """Any shape that is wide enough."""
        color, bar_color = dice.sample(NAMES, 2)
        return cls(dice.choice(_CROSSED), color, bar_color, dice.choice((2, 3)))

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """Anything."""
        return background(dice)

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Draw the shape, then the bars over it."""
        canvas.place(dice, 0.7, 0.95, tilt=0.2)
        draw_shape(canvas, self.shape, named(self.color, dice), (0, 0), dice.uniform(0.5, 0.7))
        draw_bars(canvas, named(self.bar_color, dice), dice, n=self.n)

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words."""
        shape = with_article(f"{color_word(self.color, dice, thorough)}{self.shape}")
        count = NUMBERS[self.n] if thorough or dice.random() < 0.5 else "thin"
        bars = f"{count} {color_word(self.bar_color, dice, thorough)}bars"
        return dice.choice((f"{shape} crossed by {bars}", f"{shape} with {bars} across", f"{bars} crossing {shape}"))


@dataclass(frozen=True)
class Wall:
    """Nothing but a material."""

    material: str

    @classmethod
    def sample(cls, dice: Random) -> "Wall":
        """Any material."""
        return cls(dice.choice(MATERIALS))

    def background(self, dice: Random) -> tuple[Image.Image, str | None]:
        """The material itself."""
        return texture(self.material, dice), None

    def draw(self, canvas: Canvas, dice: Random) -> None:
        """Nothing stands before it: the whole picture is the object."""
        canvas.mask.paste(255, (0, 0, *canvas.mask.size))

    def phrase(self, dice: Random, thorough: bool = False) -> str:
        """What is seen, in words."""
        plain = {"grass": "green grass", "sky": "a blue sky with clouds", "sand": "yellow sand", "water": "blue water"}
        if self.material in plain:
            return plain[self.material]
        return dice.choice((f"a {self.material} wall", f"a wall of {self.material}", f"a plain {self.material} wall"))
