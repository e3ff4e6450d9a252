"""Things of a room; each function draws one in the placed frame of a canvas."""

import math
from random import Random

from stages.world.canvas import Canvas, arc
from stages.world.colors import INK, PAPER, named, some, vary
from stages.world.thing_parts import Thing, at, darker, dots, rays, turns


def clock(canvas: Canvas, dice: Random) -> None:
    """A pale disk with hour marks, two hands and a coloured rim."""
    rim = some(dice)
    canvas.ellipse((0, 0), 0.9, 0.9, vary(PAPER, dice, 8))
    canvas.ring((0, 0), 0.88, 0.88, rim, dice.uniform(0.1, 0.18))
    rays(canvas, turns(dice.choice([4, 12, 12])), reach=(0.62, 0.75), color=INK, width=0.06)
    for length, width in ((0.42, 0.11), (0.62, 0.07)):
        canvas.line([(0, 0), at(dice.uniform(0, 2 * math.pi), length)], INK, width)
    dots(canvas, [(0, 0)], radius=0.07, color=INK)


def meter(canvas: Canvas, dice: Random) -> None:
    """A pale half disk with marks along its curve and a red needle."""
    n, pivot = dice.choice([7, 9, 11]), (0.0, 0.42)
    canvas.polygon(arc(pivot, 0.93, 0.93, math.pi, 2 * math.pi), vary(PAPER, dice, 8), INK, 0.07)
    marks = [math.pi * (1 + i / (n - 1)) for i in range(1, n - 1)]
    rays(canvas, marks, reach=(0.68, 0.84), color=INK, width=0.045, center=pivot)
    canvas.line([pivot, at(dice.uniform(1.1, 1.9) * math.pi, 0.68, pivot)], named("red", dice), 0.09)
    canvas.ellipse((0, 0.38), 0.1, 0.1, INK)


def lamp(canvas: Canvas, dice: Random) -> None:
    """A wide shade on a thin stand with a flat foot."""
    stand, shade = some(dice), vary(dice.choice([(250, 230, 160), (230, 120, 90), (150, 190, 220), PAPER]), dice)
    top, bottom = dice.uniform(0.2, 0.36), dice.uniform(0.55, 0.72)
    canvas.line([(0, -0.2), (0, 0.85)], stand, 0.11)
    canvas.ellipse((0, 0.87), 0.42, 0.11, stand, darker(stand))
    canvas.polygon([(-top, -0.92), (top, -0.92), (bottom, -0.12), (-bottom, -0.12)], shade, darker(shade, 0.7))


def candle(canvas: Canvas, dice: Random) -> None:
    """An upright cylinder of wax with a flame, on a plate every second time."""
    wax = some(dice) if dice.random() < 0.5 else vary(PAPER, dice)
    half, top = dice.uniform(0.15, 0.25), dice.uniform(-0.35, -0.15)
    if dice.random() < 0.5:
        canvas.ellipse((0, 0.88), 0.48, 0.11, named("golden", dice), (130, 100, 40))
    canvas.rectangle(-half, top, half, 0.9, wax, darker(wax))
    canvas.line([(0, top), (0, top - 0.15)], INK, 0.06)
    flame = arc((0, top - 0.3), 0.15, 0.19, -0.4, math.pi + 0.4, n=12)
    canvas.polygon([(0, top - 0.66), *flame], (250, 165, 45))
    canvas.ellipse((0, top - 0.26), 0.07, 0.11, (255, 235, 130))


def bottle(canvas: Canvas, dice: Random) -> None:
    """A glass body with sloping shoulders, a narrow neck, a cork and a pale label."""
    glass, half = some(dice, "green", "green", "brown", "blue"), dice.uniform(0.3, 0.42)
    shoulder = dice.uniform(-0.2, 0.05)
    right = [(0.13, -0.88), (0.13, -0.4), (half, shoulder), (half, 0.95)]
    canvas.polygon([(-x, y) for x, y in reversed(right)] + right, glass, darker(glass))
    canvas.rectangle(-0.11, -1, 0.11, -0.86, (190, 150, 105))
    canvas.rectangle(-half, 0.25, half, 0.68, vary(PAPER, dice))


def cup(canvas: Canvas, dice: Random) -> None:
    """A wide cylinder with a half ring at one side and a dark drink in it."""
    color, side = some(dice), dice.choice((-1, 1))
    foot, edge = dice.uniform(0.38, 0.55), darker(color)
    for ink, width in ((edge, 0.2), (color, 0.13)):
        canvas.ring((0.55 * side, 0.02), 0.3, 0.33, ink, width)
    canvas.polygon([(-0.55, -0.55), (0.55, -0.55), (foot, 0.75), (-foot, 0.75)], color, edge)
    canvas.ellipse((0, -0.55), 0.55, 0.14, vary((72, 46, 32), dice, 8), edge)


def table(canvas: Canvas, dice: Random) -> None:
    """A wide flat top on four thin legs."""
    color = some(dice, "brown", "brown", "white", "black", "gray", "orange")
    back, thick = dice.uniform(0.62, 0.8), dice.uniform(0.08, 0.13)
    for x, y in ((-0.86, 0.9), (0.86, 0.9), (-0.55, 0.62), (0.55, 0.62)):
        canvas.line([(x, -0.05), (x, y)], darker(color, 0.75), thick)
    canvas.polygon([(-back, -0.4), (back, -0.4), (0.98, -0.08), (-0.98, -0.08)], color, darker(color))
    canvas.line([(-0.98, -0.03), (0.98, -0.03)], darker(color), 0.09)


def chair(canvas: Canvas, dice: Random) -> None:
    """A seat on four legs with a tall back of slats or one board, seen half from the side."""
    color, lean = some(dice), dice.choice((-1, 1)) * dice.uniform(0.05, 0.25)
    edge = darker(color)
    for x, top, bottom in ((lean - 0.38, 0.1, 0.75), (lean + 0.38, 0.1, 0.75), (-0.52, 0.3, 1), (0.52, 0.3, 1)):
        canvas.line([(x, top), (x, bottom)], edge, 0.12)
    if dice.random() < 0.5:
        canvas.rectangle(lean - 0.42, -0.95, lean + 0.42, 0.05, color, edge)
    else:
        for points in ([(-0.38, 0.05), (-0.38, -0.95)], [(0.38, 0.05), (0.38, -0.95)]):
            canvas.line([(x + lean, y) for x, y in points], color, 0.13)
        for y in (-0.84, -0.52, -0.2):
            canvas.line([(lean - 0.38, y), (lean + 0.38, y)], color, 0.13)
    canvas.polygon([(lean - 0.44, 0.02), (lean + 0.44, 0.02), (0.6, 0.32), (-0.6, 0.32)], color, edge, 0.06)


def television(canvas: Canvas, dice: Random) -> None:
    """A box with a wide screen, two knobs and two thin rods spread on top."""
    case, screen = some(dice), vary(dice.choice([(150, 190, 210), (55, 62, 72)]), dice)
    for side in (-1, 1):
        canvas.line([(0, -0.4), (dice.uniform(0.3, 0.5) * side, -0.97)], INK, 0.06)
    canvas.rectangle(-0.92, -0.45, 0.92, 0.8, case, darker(case))
    canvas.rectangle(-0.77, -0.3, 0.5, 0.65, screen, INK)
    dots(canvas, [(0.72, -0.1), (0.72, 0.2)], radius=0.1, color=INK if sum(case) > 200 else PAPER)


def hourglass(canvas: Canvas, dice: Random) -> None:
    """Two triangles of glass tip to tip between two bars, with sand above and below."""
    frame, sand = some(dice, "brown", "black", "golden", "red"), vary((225, 180, 90), dice)
    left = dice.uniform(0.15, 0.45)
    glass = [(-0.58, -0.8), (0.58, -0.8), (0.06, 0), (0.58, 0.8), (-0.58, 0.8), (-0.06, 0)]
    canvas.polygon(glass, (215, 230, 240), (115, 115, 125), 0.05)
    canvas.polygon([(-0.45, 0.8), (0.45, 0.8), (0, 0.25 + left)], sand)
    canvas.polygon([(-left * 0.65, -left), (left * 0.65, -left), (0, 0)], sand)
    for y in (-0.88, 0.88):
        canvas.line([(-0.72, y), (0.72, y)], frame, 0.17)


def thermometer(canvas: Canvas, dice: Random) -> None:
    """A thin pale tube with marks, a red line inside and a red bulb below."""
    canvas.turn(dice.uniform(-0.5, 0.5))
    red, level = named("red", dice), dice.uniform(-0.55, 0.3)
    for ink, extra in (((105, 110, 118), 0.07), (vary(PAPER, dice, 8), 0.0)):
        canvas.line([(0, -0.92), (0, 0.6)], ink, 0.28 + extra)
        canvas.ellipse((0, 0.68), 0.26 + extra / 2, 0.26 + extra / 2, ink)
    canvas.ellipse((0, 0.68), 0.24, 0.24, red)
    canvas.line([(0, level), (0, 0.6)], red, 0.12)
    for y in (-0.75, -0.55, -0.35, -0.15, 0.05, 0.25):
        canvas.line([(0.05, y), (0.15, y)], INK, 0.035)


def envelope(canvas: Canvas, dice: Random) -> None:
    """A pale flat rectangle whose flap makes a triangle, sealed with a red dot now and then."""
    paper, fold = vary(dice.choice([(235, 225, 205), (225, 205, 165), PAPER]), dice), (120, 100, 82)
    high, tip = dice.uniform(0.52, 0.66), dice.uniform(0.02, 0.18)
    canvas.rectangle(-0.95, -high, 0.95, high, paper, fold)
    for side in (-1, 1):
        canvas.line([(0.95 * side, high), (0.3 * side, 0)], darker(paper, 0.85), 0.04)
    canvas.polygon([(-0.95, -high), (0.95, -high), (0, tip)], paper, fold, 0.06)
    if dice.random() < 0.4:
        canvas.ellipse((0, tip - 0.02), 0.13, 0.13, named("red", dice))


THINGS = {
    "clock": Thing(
        clock,
        (
            "a round white disk with two black hands and short marks along its rim",
            "a white disk in a colored rim with two dark pointers",
            "two black hands turning on a round pale plate",
        ),
    ),
    "meter": Thing(
        meter,
        (
            "a white half disk with short black marks and a red needle",
            "a half round white plate with a red pointer",
            "a red needle on a half round scale",
        ),
    ),
    "lamp": Thing(
        lamp,
        (
            "a wide pale shade on top of a thin stand with a flat foot",
            "a shade with sloping sides on a thin upright stand",
            "a thin stand with a flat foot below a wide cloth shade",
        ),
    ),
    "candle": Thing(
        candle,
        (
            "an upright bar of wax with a small orange flame on top",
            "a plain upright bar with a yellow and orange flame",
            "a burning stick of wax with a short black wick",
        ),
    ),
    "bottle": Thing(
        bottle,
        (
            "a green, brown or blue glass body with a narrow neck and a pale label",
            "an upright glass shape with sloping shoulders and a cork",
            "a glass body that narrows to a neck at the top",
        ),
    ),
    "cup": Thing(
        cup,
        (
            "a wide colored pot with a half ring at one side and a dark drink inside",
            "a mug with a handle",
            "a colored mug with a round handle, filled with dark coffee",
        ),
    ),
    "table": Thing(
        table,
        (
            "a wide flat top on four thin legs",
            "a wide flat board on long legs",
            "a level board standing on four posts",
        ),
    ),
    "chair": Thing(
        chair,
        (
            "a seat on four legs with a tall upright back",
            "a small flat seat with legs below and a back above",
            "four short legs below a seat with a high back",
        ),
    ),
    "television": Thing(
        television,
        (
            "a wide box with a screen, two knobs and two thin rods spread on top",
            "a box with a blue or dark screen and two antennas",
            "a screen in a colored box next to two round knobs",
        ),
    ),
    "hourglass": Thing(
        hourglass,
        (
            "two pale triangles tip to tip between two level bars with sand inside",
            "two triangles that meet at their points",
            "sand running from an upper triangle into a lower one",
        ),
    ),
    "thermometer": Thing(
        thermometer,
        (
            "a thin white tube with a red line inside and a red bulb at the bottom",
            "a white tube that ends in a red disk",
            "a red line rising from a red disk in a thin marked tube",
        ),
    ),
    "envelope": Thing(
        envelope,
        (
            "a pale flat rectangle with a triangle folded down from its top edge",
            "a pale paper rectangle with a pointed flap",
            "a folded letter cover with lines that meet in the middle",
        ),
    ),
}
