"""The plain shapes that scenes are made of, and the dial."""

import math
from random import Random

from stages.world.canvas import Canvas, Color, Point, oval
from stages.world.colors import vary

SHAPES = ("disk", "ring", "square", "triangle", "star", "diamond", "hexagon", "cross", "bar")


def regular(corners: int) -> list[Point]:
    """The corners of a regular polygon in the unit circle, the first at the top."""
    turns = [2 * math.pi * i / corners - math.pi / 2 for i in range(corners)]
    return [(math.cos(t), math.sin(t)) for t in turns]


def _star() -> list[Point]:
    radii = [1.0 if i % 2 == 0 else 0.42 for i in range(10)]
    turns = [math.pi * i / 5 - math.pi / 2 for i in range(10)]
    return [(r * math.cos(t), r * math.sin(t)) for r, t in zip(radii, turns, strict=True)]


def _cross() -> list[Point]:
    arm = [(-0.3, -1.0), (0.3, -1.0), (0.3, -0.3)]
    quarter_turns = [((1, 0), (0, 1)), ((0, -1), (1, 0)), ((-1, 0), (0, -1)), ((0, 1), (-1, 0))]
    return [(a * x + b * y, c * x + d * y) for (a, b), (c, d) in quarter_turns for x, y in arm]


OUTLINES: dict[str, list[Point]] = {
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "triangle": [(0.0, -1.0), (0.95, 0.8), (-0.95, 0.8)],
    "diamond": [(0.0, -1.0), (0.7, 0.0), (0.0, 1.0), (-0.7, 0.0)],
    "hexagon": regular(6),
    "star": _star(),
    "cross": _cross(),
}


def outline(shape: str, center: Point, size: float, angle: float = 0.0) -> list[Point]:
    """The corners of a shape of OUTLINES, of radius `size`, turned by `angle`."""
    cos, sin = math.cos(angle), math.sin(angle)
    return [
        (center[0] + size * (cos * x - sin * y), center[1] + size * (sin * x + cos * y)) for x, y in OUTLINES[shape]
    ]


def draw_shape(canvas: Canvas, shape: str, color: Color, center: Point, size: float, *, angle: float = 0.0) -> None:
    """A filled shape of SHAPES (the ring and the bar as strokes) of radius `size` around `center`."""
    if shape == "disk":
        canvas.ellipse(center, size, size, color)
    elif shape == "ring":
        canvas.ring(center, size * 0.85, size * 0.85, color, size * 0.26)
    elif shape == "bar":
        x, y = size * math.cos(angle - 0.8), size * math.sin(angle - 0.8)
        canvas.line([(center[0] - x, center[1] - y), (center[0] + x, center[1] + y)], color, size * 0.28)
    else:
        canvas.polygon(outline(shape, center, size, angle), color)


def draw_dial(canvas: Canvas, center: Point, radius: float, dice: Random) -> None:
    """A round pale face with a dark rim, tick marks where there is room, and one hand."""
    canvas.polygon(
        oval(center, radius, radius),
        vary((240, 240, 235), dice, 6),
        vary((60, 60, 65), dice),
        max(0.03, radius * 0.14),
    )
    if radius > 0.2:
        marks = dice.choice((6, 8, 12))
        for i in range(marks):
            _spoke(canvas, center, 2 * math.pi * i / marks, (0.7 * radius, 0.88 * radius), (40, 40, 40), 0.025)
    hand = dice.choice(((200, 30, 30), (30, 30, 30)))
    _spoke(canvas, center, dice.uniform(0, 2 * math.pi), (0, 0.75 * radius), hand, max(0.03, radius * 0.13))


def draw_bars(canvas: Canvas, color: Color, dice: Random, *, n: int, reach: float = 1.0) -> None:
    """`n` thin bars through the middle, about evenly turned, each reaching `reach` to both sides."""
    start = dice.uniform(0, math.pi)
    for i in range(n):
        angle = start + math.pi * i / n + dice.uniform(-0.12, 0.12)
        _spoke(canvas, (0, 0), angle, (-reach, reach), color, dice.uniform(0.055, 0.09))


def _spoke(canvas: Canvas, center: Point, angle: float, reach: Point, color: Color, width: float) -> None:
    cos, sin = math.cos(angle), math.sin(angle)
    canvas.line([(center[0] + r * cos, center[1] + r * sin) for r in reach], color, width)
