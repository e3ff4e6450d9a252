"""What a known thing is, and pieces that many are drawn from: edges, rays, dots, points around a circle."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from stages.world.canvas import Canvas, Color, Point


@dataclass(frozen=True)
class Thing:
    """One known class.

    Attributes:
        draw: draws one in the placed frame of a canvas; all its strokes are the object.
        descriptions: how it looks, in plain words and without its name; the first tells it from every other thing.
    """

    draw: Callable[[Canvas, Random], None]
    descriptions: tuple[str, ...]


def darker(color: Color, factor: float = 0.6) -> Color:
    """`color` with each channel multiplied by `factor`, for edges and shaded sides."""
    red, green, blue = (int(channel * factor) for channel in color)
    return red, green, blue


def turns(n: int, start: float = 0.0) -> list[float]:
    """`n` angles in radians, evenly spread over a full turn from `start`."""
    return [start + 2 * math.pi * i / n for i in range(n)]


def at(angle: float, radius: float, center: Point = (0.0, 0.0)) -> Point:
    """The point `radius` away from `center` in the direction `angle`, in radians clockwise from the right."""
    return center[0] + radius * math.cos(angle), center[1] + radius * math.sin(angle)


def rays(
    canvas: Canvas, angles: list[float], *, reach: Point, color: Color, width: float, center: Point = (0.0, 0.0)
) -> None:
    """Straight strokes from `center` outwards, one for each angle, between the two radii of `reach`."""
    for angle in angles:
        canvas.line([at(angle, reach[0], center), at(angle, reach[1], center)], color, width)


def dots(canvas: Canvas, centers: list[Point], *, radius: float, color: Color) -> None:
    """Round dots of one size and colour."""
    for center in centers:
        canvas.ellipse(center, radius, radius, color)
