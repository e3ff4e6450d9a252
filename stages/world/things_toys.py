"""Toys, games and small things one wears or carries; each function draws one in the placed frame of a canvas."""

import math
from random import Random

from stages.world.canvas import Canvas, arc
from stages.world.colors import INK, PAPER, some, vary
from stages.world.thing_parts import Thing, at, darker, dots

_PIPS = {
    2: [(-0.4, -0.4), (0.4, 0.4)],
    3: [(-0.45, -0.45), (0, 0), (0.45, 0.45)],
    4: [(-0.4, -0.4), (0.4, 0.4), (-0.4, 0.4), (0.4, -0.4)],
    5: [(-0.42, -0.42), (0.42, 0.42), (-0.42, 0.42), (0.42, -0.42), (0, 0)],
    6: [(x, y) for x in (-0.4, 0.4) for y in (-0.48, 0, 0.48)],
}


def target(canvas: Canvas, dice: Random) -> None:
    """Bands of one colour and white about a common middle."""
    color, white = some(dice, "red", "red", "blue", "black", "green"), vary(PAPER, dice, 6)
    n = dice.choice([4, 5, 6])
    for i in range(n):
        radius = 0.95 * (1 - i / n)
        canvas.ellipse((0, 0), radius, radius, color if (n - i) % 2 else white)
    canvas.ring((0, 0), 0.95, 0.95, darker(color), 0.04)


def ball(canvas: Canvas, dice: Random) -> None:
    """A disk of bright wedges that meet off its middle, under a small pale cap."""
    canvas.turn(dice.uniform(0, 2 * math.pi))
    colors, n = [some(dice), PAPER, some(dice)], dice.choice([6, 6, 9])
    pole, wedge = (-0.25, -0.2), 2 * math.pi / n
    for i in range(n):
        rim = arc((0, 0), 0.85, 0.85, i * wedge, (i + 1) * wedge, n=6)
        canvas.polygon([pole, *rim], colors[i % 3])
    canvas.ring((0, 0), 0.85, 0.85, (80, 80, 85), 0.05)
    canvas.ellipse(pole, 0.13, 0.13, PAPER, (80, 80, 85))


def lollipop(canvas: Canvas, dice: Random) -> None:
    """A sweet disk with a pale swirl on a thin stick."""
    candy, way = some(dice), dice.choice((-1, 1))
    radius = dice.uniform(0.5, 0.62)
    canvas.line([(0, 0), (0, 1)], (150, 150, 155), 0.12)
    canvas.line([(0, 0), (0, 1)], PAPER, 0.07)
    canvas.ellipse((0, -0.35), radius, radius, candy, darker(candy))
    swirl = darker(candy, 0.45) if sum(candy) > 600 else PAPER
    spiral = [at(0.45 * i * way, 0.038 * radius * i, (0, -0.35)) for i in range(25)]
    canvas.line(spiral, swirl, 0.1)


def balloon(canvas: Canvas, dice: Random) -> None:
    """An upright oval with a knot, a glint and a wavy string."""
    color, wide = some(dice), dice.uniform(0.42, 0.54)
    string = [(0.08 * math.sin(0.8 * i), 0.3 + 0.0875 * i) for i in range(9)]
    canvas.line(string, (70, 70, 72), 0.05)
    canvas.ellipse((0, -0.35), wide, 0.6, color, darker(color))
    canvas.polygon([(0, 0.2), (0.11, 0.36), (-0.11, 0.36)], darker(color))
    canvas.ellipse((-0.17, -0.55), 0.09, 0.14, (250, 250, 250))


def umbrella(canvas: Canvas, dice: Random) -> None:
    """A wide half round cover of two colours on a thin handle that ends in a hook."""
    outer, inner = some(dice), some(dice)
    handle, side = vary((62, 52, 46), dice, 8), dice.choice((-1, 1))
    canvas.line([(0, -1), (0, 0.75)], handle, 0.08)
    canvas.line(arc((0.14 * side, 0.75), 0.14, 0.17, 0, math.pi), handle, 0.08)
    canvas.polygon(arc((0, 0), 0.97, 0.85, math.pi, 2 * math.pi), outer, darker(outer))
    canvas.polygon([(-0.34, 0), (-0.24, -0.5), (0, -0.85), (0.24, -0.5), (0.34, 0)], inner, darker(inner))


def kite(canvas: Canvas, dice: Random) -> None:
    """A diamond crossed by two thin lines, with a tail of small bows."""
    canvas.turn(dice.uniform(-0.7, 0.7))
    color, half = some(dice), dice.uniform(0.45, 0.6)
    canvas.line([(0, 0.3), (0.12, 0.52), (-0.1, 0.75), (0.08, 0.98)], (80, 62, 60), 0.05)
    for x, y in ((0.08, 0.5), (-0.06, 0.78)):
        bow = [(x - 0.15, y - 0.09), (x + 0.15, y + 0.09), (x + 0.15, y - 0.09), (x - 0.15, y + 0.09)]
        canvas.polygon(bow, some(dice))
    canvas.polygon([(0, -0.98), (half, -0.35), (0, 0.35), (-half, -0.35)], color, darker(color), 0.06)
    for points in ([(0, -0.95), (0, 0.35)], [(-half, -0.35), (half, -0.35)]):
        canvas.line(points, INK if sum(color) > 200 else PAPER, 0.045)


def glasses(canvas: Canvas, dice: Random) -> None:
    """Two lenses joined by a short bar, with the start of two side bars."""
    frame, high = some(dice, "black", "brown", "red", "gray", "blue"), dice.uniform(0.32, 0.43)
    lens = vary((200, 220, 235), dice) if dice.random() < 0.6 else None
    canvas.line([(-0.14, -0.05), (0.14, -0.05)], frame, 0.1)
    for side in (-1, 1):
        canvas.ellipse((0.5 * side, 0), 0.38, high, lens)
        canvas.ring((0.5 * side, 0), 0.38, high, frame, 0.1)
        canvas.line([(0.87 * side, -0.1), (1.0 * side, -0.32)], frame, 0.09)


def button(canvas: Canvas, dice: Random) -> None:
    """A disk with a raised rim and four holes."""
    color, apart = some(dice), dice.uniform(0.17, 0.24)
    hole = INK if sum(color) > 200 else PAPER
    canvas.ellipse((0, 0), 0.85, 0.85, color)
    canvas.ring((0, 0), 0.82, 0.82, darker(color) if sum(color) > 200 else (95, 95, 98), dice.uniform(0.1, 0.16))
    dots(canvas, [(x, y) for x in (-apart, apart) for y in (-apart, apart)], radius=0.12, color=hole)


def cube(canvas: Canvas, dice: Random) -> None:
    """One face of a pale die with two to six dark pips."""
    canvas.turn(dice.uniform(-0.7, 0.7))
    half = dice.uniform(0.66, 0.78)
    canvas.rectangle(-half, -half, half, half, vary(PAPER, dice, 8), (88, 88, 92))
    pips = [(x * half / 0.78, y * half / 0.78) for x, y in _PIPS[dice.randrange(2, 7)]]
    dots(canvas, pips, radius=dice.uniform(0.13, 0.17), color=INK)


def chessboard(canvas: Canvas, dice: Random) -> None:
    """A square of dark and pale squares in turn, in black and white or in two browns."""
    dark, pale = dice.choice([((40, 40, 42), PAPER), ((40, 40, 42), PAPER), ((120, 75, 45), (230, 205, 160))])
    n, ink = dice.choice([4, 5, 6, 8]), vary(dark, dice, 8)
    side = 1.9 / n
    canvas.rectangle(-0.95, -0.95, 0.95, 0.95, vary(pale, dice, 8), ink)
    for row in range(n):
        for column in range(row % 2, n, 2):
            left, top = -0.95 + side * column, -0.95 + side * row
            canvas.rectangle(left, top, left + side, top + side, ink)


THINGS = {
    "target": Thing(
        target,
        (
            "bands of two colors around a common center",
            "round bands of white and another color in turn",
            "a disk of white and colored bands with a colored middle",
        ),
    ),
    "ball": Thing(
        ball,
        (
            "a disk of colored and white wedges that meet at a small white cap",
            "a round toy with wedges of several colors",
            "bright wedges that fill a disk",
        ),
    ),
    "lollipop": Thing(
        lollipop,
        (
            "a colored disk with a spiral line on top of a thin white stick",
            "a round candy with a swirl on a stick",
            "a spiral on a disk above a thin white stick",
        ),
    ),
    "balloon": Thing(
        balloon,
        (
            "an upright colored oval with a thin wavy string hanging below",
            "a floating oval with a knot and a string",
            "a shiny colored oval above a thin wavy line",
        ),
    ),
    "umbrella": Thing(
        umbrella,
        (
            "a wide colored half disk on a thin handle that ends in a hook",
            "a half round cover above a thin curved handle",
            "a dome of two colors with a hook below",
        ),
    ),
    "kite": Thing(
        kite,
        (
            "a colored diamond crossed by two thin lines with a tail of small bows",
            "a diamond with a tail",
            "a diamond in the air trailing a string of bows",
        ),
    ),
    "glasses": Thing(
        glasses,
        (
            "two round lenses side by side joined by a short bar",
            "two rings next to each other joined by a short line",
            "a pair of round lenses in a thin frame",
        ),
    ),
    "button": Thing(
        button,
        (
            "a colored disk with a thick rim and four small holes in the middle",
            "four dots close together in the middle of a colored disk",
            "a round piece of one color with four holes",
        ),
    ),
    "dice": Thing(
        cube,
        (
            "a white square with a few black dots",
            "black dots spread over a plain white square",
            "a white block with two to six round black spots",
        ),
    ),
    "chessboard": Thing(
        chessboard,
        (
            "a square of dark and light squares in turn",
            "a grid of small squares, every second one dark",
            "rows of dark and pale squares that alternate",
        ),
    ),
}
