"""Things that are built and stand outdoors; each function draws one in the placed frame of a canvas."""

import math
from random import Random

from stages.world.canvas import Canvas, Fill, arc
from stages.world.colors import INK, PAPER, named, some, vary
from stages.world.textures import texture
from stages.world.thing_parts import Thing, at, darker, turns

_GLASS = (178, 214, 240)


def traffic_light(canvas: Canvas, dice: Random) -> None:
    """A dark upright box with a red, a yellow and a green lamp; one of them, or all, shine."""
    half = dice.uniform(0.3, 0.4)
    if dice.random() < 0.5:
        canvas.rectangle(-0.07, 0.75, 0.07, 1.2, (75, 75, 78))
    canvas.rectangle(-half, -0.95, half, 0.82, vary((42, 44, 47), dice, 8), (110, 112, 115))
    shining = dice.randrange(4)
    for i, name in enumerate(("red", "yellow", "green")):
        color = named(name, dice)
        lit = shining in (i, 3)
        canvas.ellipse((0, -0.6 + 0.53 * i), 0.22, 0.22, color if lit else darker(color, 0.7))


def house(canvas: Canvas, dice: Random) -> None:
    """A box under a triangular roof, with a door and two panes."""
    wall, roof = some(dice), some(dice, "red", "brown", "gray", "orange")
    half, eaves = dice.uniform(0.6, 0.75), dice.uniform(-0.15, 0.05)
    canvas.rectangle(-half, eaves, half, 0.95, wall, darker(wall))
    canvas.polygon([(-half - 0.2, eaves), (0, -0.95), (half + 0.2, eaves)], roof, darker(roof))
    canvas.rectangle(-0.14, 0.42, 0.14, 0.95, darker(some(dice), 0.7))
    for x in (-0.42, 0.42):
        canvas.rectangle(x - 0.14, 0.2, x + 0.14, 0.48, _GLASS, PAPER)


def window(canvas: Canvas, dice: Random) -> None:
    """A frame with four panes of glass."""
    frame, glass = some(dice), vary(_GLASS, dice, 14)
    half, rim = dice.uniform(0.65, 0.85), dice.uniform(0.07, 0.12)
    canvas.rectangle(-half, -0.9, half, 0.9, frame, darker(frame))
    for left in (-half + rim, rim / 2):
        for top in (-0.9 + rim, rim / 2):
            right, bottom = left + half - 1.5 * rim, top + 0.9 - 1.5 * rim
            canvas.rectangle(left, top, right, bottom, glass)
            canvas.line([(left + 0.15, bottom - 0.1), (right - 0.1, top + 0.15)], (235, 245, 250), 0.05)


def door(canvas: Canvas, dice: Random) -> None:
    """A tall board with a knob at one side, often with two panels."""
    board: Fill = texture("wood", dice) if dice.random() < 0.6 else some(dice)
    half, side = dice.uniform(0.42, 0.56), dice.choice((-1, 1))
    edge = vary((60, 45, 35), dice, 8)
    canvas.rectangle(-half, -0.97, half, 1, board)
    canvas.line([(-half, 1), (-half, -0.97), (half, -0.97), (half, 1)], edge, 0.1)
    if dice.random() < 0.6:
        canvas.rectangle(-0.27, -0.78, 0.27, -0.18, None, edge)
        canvas.rectangle(-0.27, 0.25, 0.27, 0.83, None, edge)
    canvas.ellipse(((half - 0.14) * side, 0.06), 0.085, 0.085, named("golden", dice), edge)


def arch(canvas: Canvas, dice: Random) -> None:
    """Two stone legs joined by a half round top; the ground behind it shows between the legs."""
    stone = texture(dice.choice(["stone", "stone", "brick"]), dice)
    inner, springing = dice.uniform(0.4, 0.56), dice.uniform(-0.1, 0.05)
    outer = [(-0.9, 1), (-0.9, springing), *arc((0, springing), 0.9, 0.88, math.pi, 2 * math.pi), (0.9, 1)]
    hole = [(inner, 1), (inner, springing), *arc((0, springing), inner, inner, 2 * math.pi, math.pi), (-inner, 1)]
    canvas.polygon(outer + hole, stone, (88, 84, 80))
    for side in (-1, 1):
        canvas.line([(0.96 * side, 0.94), ((inner - 0.06) * side, 0.94)], (105, 102, 98), 0.13)


def fence(canvas: Canvas, dice: Random) -> None:
    """Upright boards with pointed tops, on two rails."""
    color = some(dice, "white", "brown", "brown", "gray")
    n, top = dice.randrange(4, 7), dice.uniform(-0.65, -0.45)
    for y in (-0.12, 0.48):
        canvas.line([(-1, y), (1, y)], darker(color, 0.8), 0.12)
    for i in range(n):
        x, half = -1 + (2 * i + 1) / n, 0.64 / n
        board = [(x - half, 0.9), (x - half, top), (x, top - 0.3), (x + half, top), (x + half, 0.9)]
        canvas.polygon(board, vary(color, dice, 8), (75, 65, 55), 0.03)


def bridge(canvas: Canvas, dice: Random) -> None:
    """A long flat road of stone or brick on half round gaps, with water below."""
    n, wall = dice.choice([2, 3, 3, 4]), texture(dice.choice(["stone", "brick"]), dice)
    outline = [(-1.2, -0.4), (1.2, -0.4), (1.2, 0.6)]
    for i in reversed(range(n)):
        x, radius = -1 + (2 * i + 1) / n, 0.74 / n
        outline += [(x + radius, 0.6), *arc((x, 0.3), radius, 0.46, 2 * math.pi, math.pi, n=12)]
        outline += [(x - radius, 0.6)]
    canvas.polygon([*outline, (-1.2, 0.6)], wall)
    canvas.line([(-1.2, -0.4), (1.2, -0.4)], vary((95, 90, 88), dice), 0.12)
    canvas.rectangle(-1.3, 0.58, 1.3, 0.95, texture("water", dice))


def tower(canvas: Canvas, dice: Random) -> None:
    """A tall wall with square teeth on top and a dark slit."""
    stone, half = texture(dice.choice(["stone", "stone", "brick"]), dice), dice.uniform(0.3, 0.42)
    edge, rim = (80, 76, 74), half + 0.13
    canvas.rectangle(-half, -0.6, half, 1, stone, edge)
    teeth = [(-rim, -0.5), (-rim, -0.98), (-rim * 0.6, -0.98), (-rim * 0.6, -0.76), (-rim * 0.2, -0.76)]
    teeth += [(-rim * 0.2, -0.98)]
    canvas.polygon(teeth + [(-x, y) for x, y in reversed(teeth)], stone, edge)
    canvas.rectangle(-0.07, -0.25, 0.07, 0.12, INK)


def tent(canvas: Canvas, dice: Random) -> None:
    """A wide triangle with a dark triangular way in."""
    cloth, half = some(dice), dice.uniform(0.85, 0.98)
    canvas.line([(0, -0.65), (0, -0.88)], (75, 62, 50), 0.07)
    canvas.polygon([(0, -0.7), (half, 0.75), (-half, 0.75)], cloth, darker(cloth))
    if dice.random() < 0.5:
        stripe = darker(cloth, 0.75)
        canvas.polygon([(0, -0.7), (half, 0.75), (half - 0.3, 0.75)], stripe)
        canvas.polygon([(0, -0.7), (-half, 0.75), (0.3 - half, 0.75)], stripe)
    wide = dice.uniform(0.24, 0.36)
    canvas.polygon([(0, -0.2), (wide, 0.75), (-wide, 0.75)], vary((42, 37, 36), dice, 5))


def flag(canvas: Canvas, dice: Random) -> None:
    """Three stripes, level or upright, on an upright pole."""
    colors, level = [some(dice) for _ in range(3)], dice.random() < 0.5
    long = dice.uniform(1.4, 1.7)
    canvas.line([(-0.8, -1), (-0.8, 1)], vary((115, 105, 95), dice), 0.09)
    for i, color in enumerate(colors):
        if level:
            canvas.rectangle(-0.76, -0.92 + 0.34 * i, long - 0.76, -0.58 + 0.34 * i, color)
        else:
            canvas.rectangle(-0.76 + long * i / 3, -0.92, -0.76 + long * (i + 1) / 3, 0.1, color)
    canvas.rectangle(-0.76, -0.92, long - 0.76, 0.1, None, (85, 80, 78))


def windmill(canvas: Canvas, dice: Random) -> None:
    """Four crossing blades on a narrow building that widens downwards."""
    wall, blade = vary(dice.choice([PAPER, (190, 150, 120), (150, 150, 150)]), dice), some(dice)
    hub, start = (0.0, -0.25), dice.uniform(0, math.pi / 2)
    canvas.polygon([(-0.36, 1), (-0.2, -0.3), (0.2, -0.3), (0.36, 1)], wall, darker(wall))
    canvas.rectangle(-0.1, 0.65, 0.1, 1, (80, 62, 50))
    for angle in turns(4, start):
        corners = [at(angle, 0.15, hub), at(angle - 0.04, 0.78, hub), at(angle + 0.36, 0.8, hub)]
        canvas.polygon([*corners, at(angle + 0.9, 0.22, hub)], blade, darker(blade), 0.03)
        canvas.line([hub, at(angle, 0.8, hub)], (75, 58, 48), 0.05)
    canvas.ellipse(hub, 0.08, 0.08, INK)


def ladder(canvas: Canvas, dice: Random) -> None:
    """Two long rails joined by short rungs."""
    color, n = some(dice), dice.randrange(5, 8)
    top, bottom = dice.uniform(0.25, 0.4), dice.uniform(0.38, 0.5)
    for ink, extra in ((darker(color), 0.05), (color, 0.0)):
        for i in range(n):
            y = -0.82 + 1.64 * i / (n - 1)
            canvas.line([(-top, y), (top, y)], ink, 0.09 + extra)
        for side in (-1, 1):
            canvas.line([(top * side, -1), (bottom * side, 1)], ink, 0.1 + extra)


THINGS = {
    "traffic light": Thing(
        traffic_light,
        (
            "a red, a yellow and a green disk in a column on a dark box",
            "a black upright box with three colored disks",
            "three disks, red above yellow above green, on a black bar",
        ),
    ),
    "house": Thing(
        house,
        (
            "a box with a triangle as a roof, a small dark entrance and two blue panes",
            "a wide triangle on top of a square",
            "a colored box under a pointed roof",
        ),
    ),
    "window": Thing(
        window,
        (
            "a square frame divided by a cross into four light blue panes",
            "four panes of blue glass in a colored frame",
            "two rows of two light blue squares with bars between them",
        ),
    ),
    "door": Thing(
        door,
        (
            "a tall rectangle of wood or color with a small golden knob at one side",
            "an upright board in a dark frame with a round knob",
            "a tall flat panel with a golden dot halfway up",
        ),
    ),
    "arch": Thing(
        arch,
        (
            "two thick stone legs joined by a curved stone top with empty space between",
            "a bent band of stone or brick standing on two legs",
            "stone posts that curve together at the top",
        ),
    ),
    "fence": Thing(
        fence,
        (
            "a row of upright boards with pointed tops joined by two rails",
            "wooden boards side by side, each ending in a point",
            "pointed posts in a row",
        ),
    ),
    "bridge": Thing(
        bridge,
        (
            "a long flat stone road over a row of curved gaps with water below",
            "a wide brick or stone band on short legs above blue water",
            "a row of curved gaps in a long low wall over water",
        ),
    ),
    "tower": Thing(
        tower,
        (
            "a tall narrow stone wall with square teeth on top and a dark slit",
            "an upright building of stone or brick with a notched top",
            "a high narrow block of stone wider at its notched top",
        ),
    ),
    "tent": Thing(
        tent,
        (
            "a wide colored triangle with a dark triangle as its way in",
            "a dark triangle inside a larger colored triangle",
            "a wide cloth triangle standing on the ground",
        ),
    ),
    "flag": Thing(
        flag,
        (
            "a rectangle of three colored stripes at the top of a thin upright pole",
            "three bands of color beside an upright pole",
            "a striped cloth on a tall gray pole",
        ),
    ),
    "windmill": Thing(
        windmill,
        (
            "four crossing blades on top of a narrow building that gets wider below",
            "a cross of four colored blades in front of a tall narrow wall",
            "four turning blades on a tapering body",
        ),
    ),
    "ladder": Thing(
        ladder,
        (
            "two long upright rails joined by many short level bars",
            "a column of short bars between two long poles",
            "two tall poles with steps between them",
        ),
    ),
}
