"""Things that grow, live or shine, and the snowman; each function draws one in the placed frame of a canvas."""

import math
from random import Random

from stages.world.canvas import Canvas, arc
from stages.world.colors import INK, PAPER, named, some, vary
from stages.world.thing_parts import Thing, at, darker, dots, rays, turns

_SNOW_EDGE = (140, 150, 165)


def snowman(canvas: Canvas, dice: Random) -> None:
    """Three stacked balls of snow with eyes and a carrot; a hat on every second one."""
    snow = vary((235, 238, 242), dice, 7)
    for y, radius in ((0.55, 0.44), (-0.05, 0.34), (-0.55, 0.26)):
        canvas.ellipse((0, y), radius * dice.uniform(0.95, 1.1), radius, snow, _SNOW_EDGE)
    dots(canvas, [(-0.1, -0.62), (0.1, -0.62)], radius=0.05, color=INK)
    dots(canvas, [(0, -0.15), (0, 0.05)], radius=0.045, color=INK)
    canvas.polygon([(0, -0.57), (0.3, -0.48), (0, -0.45)], named("orange", dice))
    if dice.random() < 0.5:
        hat = some(dice, "black", "black", "red", "blue")
        canvas.rectangle(-0.19, -1, 0.19, -0.78, hat)
        canvas.line([(-0.3, -0.78), (0.3, -0.78)], hat, 0.07)


def tree(canvas: Canvas, dice: Random) -> None:
    """A cloudy green crown on a brown trunk."""
    half = dice.uniform(0.09, 0.17)
    canvas.rectangle(-half, 0.1, half, 1, named("brown", dice))
    green = named("green", dice)
    places = [(dice.uniform(-0.4, 0.4), dice.uniform(-0.55, 0.05)) for _ in range(5)]
    for x, y in places:
        canvas.ellipse((x, y), 0.43, 0.4, darker(green, 0.8))
    for x, y in places:
        canvas.ellipse((x - 0.03, y - 0.05), 0.36, 0.33, green)


def sun(canvas: Canvas, dice: Random) -> None:
    """A yellow disk with rays all around."""
    yellow = named("yellow", dice)
    radius = dice.uniform(0.42, 0.58)
    angles = turns(dice.randrange(8, 15), dice.uniform(0, 1))
    rays(canvas, angles, reach=(radius + 0.1, 0.98), color=yellow, width=dice.uniform(0.07, 0.12))
    canvas.ellipse((0, 0), radius, radius, yellow, darker(yellow, 0.85))


def moon(canvas: Canvas, dice: Random) -> None:
    """A pale crescent, open to either side."""
    canvas.turn(dice.choice((0, math.pi)) + dice.uniform(-0.6, 0.6))
    pale = vary(dice.choice([(240, 230, 170), (232, 228, 200)]), dice, 8)
    hollow = dice.uniform(0.55, 0.68)
    outer = arc((0, 0), 0.88, 0.88, 0.75, 2 * math.pi - 0.75, n=24)
    inner = arc((0.88 - hollow + 0.02, 0), hollow, hollow * 0.98, 2 * math.pi - 1.05, 1.05)
    canvas.polygon(outer + inner, pale, darker(pale, 0.75))


def flower(canvas: Canvas, dice: Random) -> None:
    """Round petals about a yellow middle, on a green stem with a leaf."""
    green = named("green", dice)
    canvas.line([(0, 0), (dice.uniform(-0.15, 0.15), 1)], green, 0.1)
    side = dice.choice((-1, 1))
    canvas.polygon([(0, 0.72), (0.3 * side, 0.4), (0.42 * side, 0.5)], green)
    petal = some(dice, "red", "pink", "purple", "white", "blue", "orange")
    for angle in turns(dice.randrange(5, 9), dice.uniform(0, 1)):
        canvas.ellipse(at(angle, 0.37, (0, -0.35)), 0.23, 0.23, petal, darker(petal, 0.8))
    canvas.ellipse((0, -0.35), 0.2, 0.2, named("yellow", dice))


def mushroom(canvas: Canvas, dice: Random) -> None:
    """A spotted cap, half round, on a short thick stem."""
    stem, cap = vary((235, 225, 205), dice), some(dice, "red", "red", "brown", "orange")
    half = dice.uniform(0.16, 0.28)
    canvas.polygon([(-half, 0), (half, 0), (half + 0.06, 0.85), (-half - 0.06, 0.85)], stem, darker(stem, 0.75))
    canvas.polygon(arc((0, 0.12), 0.88, 0.85, math.pi, 2 * math.pi), cap, darker(cap))
    spots = [(-0.55, -0.1), (-0.25, -0.42), (0.05, -0.12), (0.32, -0.4), (0.58, -0.08)]
    moved = [(x + dice.uniform(-0.06, 0.06), y + dice.uniform(-0.06, 0.06)) for x, y in spots]
    dots(canvas, moved, radius=dice.uniform(0.08, 0.12), color=PAPER)


def cactus(canvas: Canvas, dice: Random) -> None:
    """A thick green column with two bent arms, in a clay pot."""
    green = named("green", dice)
    left, right = dice.uniform(-0.05, 0.2), dice.uniform(-0.15, 0.15)
    strokes = [
        ([(0, -0.85), (0, 0.7)], 0.34),
        ([(-0.55, left - 0.45), (-0.55, left), (0, left)], 0.2),
        ([(0.55, right - 0.45), (0.55, right), (0, right)], 0.2),
    ]
    for points, width in strokes:
        canvas.line(points, green, width)
    for x in (-0.08, 0.08):
        canvas.line([(x, -0.75), (x, 0.5)], darker(green, 0.75), 0.04)
    canvas.polygon([(-0.4, 0.55), (0.4, 0.55), (0.3, 1), (-0.3, 1)], vary((190, 100, 60), dice))


def fish(canvas: Canvas, dice: Random) -> None:
    """An oval body with a triangular tail and fin, swimming to either side."""
    side, color = dice.choice((-1, 1)), some(dice)
    edge, high = darker(color), dice.uniform(0.36, 0.5)
    canvas.polygon([(0.35 * side, 0), (0.95 * side, -0.45), (0.95 * side, 0.45)], color, edge)
    canvas.polygon([(-0.3 * side, -0.3), (0.2 * side, -0.3), (0.15 * side, -0.7)], color, edge)
    canvas.ellipse((-0.17 * side, 0), 0.7, high, color, edge)
    canvas.line([(-0.35 * side, -0.22), (-0.25 * side, 0), (-0.35 * side, 0.22)], edge, 0.05)
    canvas.ellipse((-0.58 * side, -0.1), 0.12, 0.12, PAPER)
    canvas.ellipse((-0.6 * side, -0.1), 0.06, 0.06, INK)


def face(canvas: Canvas, dice: Random) -> None:
    """A smiling disk."""
    skin = some(dice, "yellow", "yellow", "orange")
    apart, high = dice.uniform(0.26, 0.36), dice.uniform(0.1, 0.17)
    canvas.ellipse((0, 0), 0.85, 0.85, skin, darker(skin))
    for x in (-apart, apart):
        canvas.ellipse((x, -0.22), 0.1, high, INK)
    canvas.line(arc((0, 0.08), 0.5, dice.uniform(0.36, 0.5), 0.3, math.pi - 0.3), INK, 0.1)


def eye(canvas: Canvas, dice: Random) -> None:
    """A white almond with a coloured iris, a dark pupil and a glint."""
    high, gaze = dice.uniform(0.45, 0.58), dice.uniform(-0.15, 0.15)
    lids = [(-0.98, 0), (-0.6, -0.75 * high), (0, -high), (0.6, -0.75 * high)]
    lids += [(0.98, 0), (0.6, 0.75 * high), (0, high), (-0.6, 0.75 * high)]
    canvas.polygon(lids, vary(PAPER, dice, 6), INK, 0.06)
    canvas.ellipse((gaze, 0), 0.4, 0.4, some(dice, "blue", "green", "brown"))
    canvas.ellipse((gaze, 0), 0.19, 0.19, INK)
    canvas.ellipse((gaze + 0.12, -0.14), 0.07, 0.07, (255, 255, 255))


def spiderweb(canvas: Canvas, dice: Random) -> None:
    """Thin threads from a middle, joined by loops with corners."""
    thread, edge = dice.choice([(PAPER, (120, 122, 128)), ((55, 55, 60), (185, 185, 188))])
    angles = turns(dice.choice([6, 7, 8]), dice.uniform(0, 1))
    for color, width in ((edge, 0.1), (vary(thread, dice, 8), 0.05)):
        rays(canvas, angles, reach=(0, 1), color=color, width=width)
        for radius in (0.3, 0.55, 0.8):
            canvas.line([at(angle, radius) for angle in [*angles, angles[0]]], color, width)


THINGS = {
    "snowman": Thing(
        snowman,
        (
            "three white disks stacked in a column with black dots and an orange point",
            "a small white disk on top of two larger white disks",
            "a white figure of three round parts with a carrot nose",
        ),
    ),
    "tree": Thing(
        tree,
        (
            "a large round green crown on top of a thin brown trunk",
            "a cloudy green shape on top of a brown bar",
            "green leaves in a round mass above a brown post",
        ),
    ),
    "sun": Thing(
        sun,
        (
            "a yellow disk with short yellow lines all around it",
            "a bright yellow circle sending out rays",
            "yellow strokes spread around a plain yellow disk",
        ),
    ),
    "moon": Thing(
        moon,
        (
            "a pale yellow crescent with two sharp tips",
            "a pale curved sickle, thick in the middle and pointed at both ends",
            "a pale disk with a round bite taken from one side",
        ),
    ),
    "flower": Thing(
        flower,
        (
            "round petals around a small yellow disk on top of a thin green stem",
            "a circle of colored disks with a yellow center and a green stalk",
            "colored petals above a green line with a leaf",
        ),
    ),
    "mushroom": Thing(
        mushroom,
        (
            "a half round cap with white dots on top of a short thick pale stem",
            "a red or brown dome with white spots on a pale stalk",
            "a spotted half disk on a thick white post",
        ),
    ),
    "cactus": Thing(
        cactus,
        (
            "a thick green column with two bent green arms in an orange brown pot",
            "a green post with an upward arm at each side",
            "a green trunk and two green arms above a clay pot",
        ),
    ),
    "fish": Thing(
        fish,
        (
            "a colored oval with a triangle as a tail and a small white dot",
            "a pointed oval body with a tail and a fin on top",
            "an oval with a triangle at one end and another on its back",
        ),
    ),
    "face": Thing(
        face,
        (
            "a yellow or orange disk with two black dots above a curved black line",
            "a smiling disk with two dark spots",
            "a round smile under two small black ovals",
        ),
    ),
    "eye": Thing(
        eye,
        (
            "a white pointed oval with a colored disk and a black dot in its middle",
            "a blue, green or brown disk with a black center inside a white almond shape",
            "a white almond shape with a dark pupil",
        ),
    ),
    "spiderweb": Thing(
        spiderweb,
        (
            "thin lines from a center joined by thin loops with many corners",
            "a net of thin threads that all meet in the middle",
            "thin straight threads crossed by three loops with corners",
        ),
    ),
}
