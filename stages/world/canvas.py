"""A picture being drawn: its pixels, the exact mask of its object, and the frame shapes are placed in.

Shapes are given in a frame of [-1, 1] x [-1, 1] with y pointing down, which `place` moves, scales, turns and stretches
over the picture. Everything is drawn at twice the final size and halved at the end, which smooths the edges.
"""

import math
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw

IMAGE_PX = 48  # side of a finished picture
DRAWN_PX = 2 * IMAGE_PX  # side while drawing

Point = tuple[float, float]
Color = tuple[int, int, int]
Fill = Color | Image.Image  # a flat colour, or a texture as large as the drawing


@dataclass(frozen=True)
class Frame:
    """Where the square [-1, 1] x [-1, 1] of a shape lies on the picture.

    Attributes:
        x: centre, in half picture widths from the middle, positive to the right.
        y: centre, in half picture heights from the middle, positive downwards.
        scale: half side of the square, in half picture widths.
        angle: turn in radians, clockwise.
        aspect: stretch of the horizontal axis; 1 keeps circles round.
    """

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    angle: float = 0.0
    aspect: float = 1.0


class Canvas:
    """Pixels and object mask of one picture; every shape drawn becomes part of the object.

    Args:
        background: RGB picture of DRAWN_PX x DRAWN_PX; what it shows is not part of the object.
    """

    def __init__(self, background: Image.Image) -> None:
        self.picture = background.copy()
        self.mask = Image.new("L", background.size, 0)
        self._pens = (ImageDraw.Draw(self.picture), ImageDraw.Draw(self.mask))
        self.frame = Frame()

    def place(self, dice: Random, smallest: float = 0.6, largest: float = 0.95, *, tilt: float = 0.15) -> None:
        """Draw the frame at random, wholly inside the picture.

        Args:
            dice: source of chance.
            smallest: least scale.
            largest: greatest scale.
            tilt: standard deviation of the turn, in radians.
        """
        scale = dice.uniform(smallest, largest)
        room = max(0.0, 0.95 - scale)
        self.frame = Frame(
            dice.uniform(-room, room), dice.uniform(-room, room), scale, dice.gauss(0, tilt), dice.uniform(0.85, 1.15)
        )

    def turn(self, angle: float) -> None:
        """Give the frame this angle, in radians, and keep the rest."""
        self.frame = Frame(self.frame.x, self.frame.y, self.frame.scale, angle, self.frame.aspect)

    def to_pixels(self, points: list[Point]) -> list[Point]:
        """Points of the frame as pixel coordinates of the drawing."""
        frame, half = self.frame, DRAWN_PX / 2
        cos, sin = math.cos(frame.angle), math.sin(frame.angle)
        pixels = []
        for x, y in points:
            x *= frame.aspect
            pixels.append(
                (
                    (frame.x + frame.scale * (cos * x - sin * y)) * half + half,
                    (frame.y + frame.scale * (sin * x + cos * y)) * half + half,
                )
            )
        return pixels

    def stroke_px(self, width: float) -> int:
        """Pixels of a stroke of `width` frame units, at least 1."""
        return max(1, round(width * self.frame.scale * DRAWN_PX / 2))

    def polygon(
        self, points: list[Point], fill: Fill | None, outline: Color | None = None, width: float = 0.04
    ) -> None:
        """A filled polygon and, where `outline` is given, its border."""
        pixels = self.to_pixels(points)
        if isinstance(fill, Image.Image):
            stencil = Image.new("L", self.picture.size, 0)
            ImageDraw.Draw(stencil).polygon(pixels, fill=255)
            self.picture.paste(fill, (0, 0), stencil)
            self.mask.paste(255, (0, 0), stencil)
        elif fill is not None:
            self._pens[0].polygon(pixels, fill=fill)
            self._pens[1].polygon(pixels, fill=255)
        if outline is not None:
            self._stroke([*pixels, *pixels[:2]], outline, width)

    def line(self, points: list[Point], color: Color, width: float = 0.08) -> None:
        """A stroke through `points`, with round joints."""
        self._stroke(self.to_pixels(points), color, width)

    def rectangle(
        self, left: float, top: float, right: float, bottom: float, fill: Fill | None, outline: Color | None = None
    ) -> None:
        """An upright rectangle of the frame."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], fill, outline)

    def ellipse(
        self, center: Point, radius_x: float, radius_y: float, fill: Fill | None, outline: Color | None = None
    ) -> None:
        """A filled ellipse."""
        self.polygon(oval(center, radius_x, radius_y), fill, outline)

    def ring(self, center: Point, radius_x: float, radius_y: float, color: Color, width: float = 0.1) -> None:
        """The outline of an ellipse."""
        points = oval(center, radius_x, radius_y)
        self.line([*points, points[1]], color, width)

    def finished(self, dice: Random) -> tuple[np.ndarray, np.ndarray]:
        """The picture at its final size, with the contrast, brightness and grain of some camera.

        Returns:
            uint8 [IMAGE_PX, IMAGE_PX, 3] and bool [IMAGE_PX, IMAGE_PX], true where the object covers half a pixel.
        """
        pixels = np.asarray(self.picture.reduce(2), np.float32)
        pixels = (pixels - 128) * dice.uniform(0.75, 1.15) + 128 + dice.uniform(-18, 18)
        if dice.random() < 0.5:
            grain = np.random.default_rng(dice.getrandbits(32))
            pixels = pixels + grain.normal(0, dice.uniform(1, 9), pixels.shape)
        return np.clip(pixels, 0, 255).astype(np.uint8), np.asarray(self.mask.reduce(2)) >= 128

    def _stroke(self, pixels: list[Point], color: Color, width: float) -> None:
        for pen, ink in zip(self._pens, (color, 255), strict=True):
            pen.line(pixels, fill=ink, width=self.stroke_px(width), joint="curve")


def oval(center: Point, radius_x: float, radius_y: float, angle: float = 0.0) -> list[Point]:
    """28 points around an ellipse turned by `angle` radians; the last equals the first."""
    cos, sin = math.cos(angle), math.sin(angle)
    points = arc((0, 0), radius_x, radius_y, 0, 2 * math.pi, n=28)
    return [(center[0] + cos * x - sin * y, center[1] + sin * x + cos * y) for x, y in points]


def arc(center: Point, radius_x: float, radius_y: float, start: float, end: float, *, n: int = 20) -> list[Point]:
    """`n` points of an ellipse from `start` to `end`, in radians clockwise from the right."""
    turns = [start + (end - start) * i / (n - 1) for i in range(n)]
    return [(center[0] + radius_x * math.cos(t), center[1] + radius_y * math.sin(t)) for t in turns]
