"""Tools, vehicles and their pieces; each function draws one in the placed frame of a canvas."""

import math
from random import Random

from stages.world.canvas import Canvas, Fill, arc
from stages.world.colors import INK, PAPER, named, some, vary
from stages.world.textures import texture
from stages.world.thing_parts import Thing, darker, rays, turns

_GLASS = (178, 214, 240)


def sailboat(canvas: Canvas, dice: Random) -> None:
    """Two triangular sails on a mast above a hull."""
    hull, small, sail = some(dice), some(dice), vary(PAPER, dice, 8)
    canvas.polygon([(-0.88, 0.45), (0.88, 0.45), (0.55, 0.88), (-0.55, 0.88)], hull, darker(hull))
    canvas.line([(0, -0.95), (0, 0.5)], (85, 60, 42), 0.07)
    top = dice.uniform(-0.7, -0.3)
    canvas.polygon([(0.08, -0.88), (0.78, 0.33), (0.08, 0.33)], sail, (130, 130, 135))
    canvas.polygon([(-0.08, top), (-0.65, 0.33), (-0.08, 0.33)], small, darker(small))


def car(canvas: Canvas, dice: Random) -> None:
    """A low body with two panes and two dark wheels, seen from the side."""
    color, roof, shift = some(dice), dice.uniform(-0.6, -0.45), dice.uniform(-0.2, 0.1)
    edge = darker(color)
    cabin = [(shift - 0.5, -0.08), (shift - 0.3, roof), (shift + 0.32, roof), (shift + 0.58, -0.08)]
    canvas.polygon(cabin, color, edge)
    canvas.rectangle(-0.96, -0.12, 0.96, 0.38, color, edge)
    glass = [(shift - 0.4, -0.12), (shift - 0.25, roof + 0.1), (shift + 0.27, roof + 0.1), (shift + 0.44, -0.12)]
    canvas.polygon(glass, _GLASS)
    canvas.line([(shift, roof), (shift, -0.1)], color, 0.07)
    for x in (-0.55, 0.55):
        canvas.ellipse((x, 0.4), 0.23, 0.23, INK)
        canvas.ellipse((x, 0.4), 0.09, 0.09, (180, 180, 182))


def rocket(canvas: Canvas, dice: Random) -> None:
    """A pale body with a coloured tip and fins, one porthole and a flame."""
    canvas.turn(dice.uniform(-0.5, 0.5))
    color, half = some(dice, "red", "blue", "orange"), dice.uniform(0.24, 0.34)
    for side in (-1, 1):
        canvas.polygon([(half * side, 0.1), ((half + 0.34) * side, 0.72), (half * side, 0.58)], color)
    canvas.polygon([(-0.17, 0.55), (0.17, 0.55), (0, 1)], (250, 170, 50))
    canvas.rectangle(-half, -0.4, half, 0.6, vary(PAPER, dice, 8), (120, 120, 125))
    canvas.polygon([(-half, -0.4), (0, -1), (half, -0.4)], color)
    canvas.ellipse((0, -0.1), 0.14, 0.14, _GLASS, INK)


def anchor(canvas: Canvas, dice: Random) -> None:
    """A shaft with a small ring and a short bar on top, curving into two hooks below."""
    color, wide = some(dice, "black", "gray", "blue", "brown"), dice.uniform(0.58, 0.75)
    canvas.ring((0, -0.78), 0.16, 0.16, color, 0.1)
    canvas.line([(0, -0.62), (0, 0.85)], color, 0.15)
    canvas.line([(-0.38, -0.4), (0.38, -0.4)], color, 0.13)
    canvas.line(arc((0, 0.2), wide, 0.65, 0.1, math.pi - 0.1), color, 0.15)
    for side in (-1, 1):
        canvas.polygon([(wide * side, 0), ((wide - 0.24) * side, 0.33), ((wide + 0.17) * side, 0.36)], color)


def wheel(canvas: Canvas, dice: Random) -> None:
    """A dark rim whose thin spokes meet at a small hub."""
    rim, spoke = some(dice, "black", "brown"), some(dice, "brown", "orange", "white")
    thick = dice.uniform(0.13, 0.24)
    angles = turns(2 * dice.choice([3, 4, 5, 6]), dice.uniform(0, 1))
    rays(canvas, angles, reach=(0, 0.8), color=spoke, width=0.055)
    canvas.ring((0, 0), 0.83, 0.83, rim, thick)
    canvas.ellipse((0, 0), 0.15, 0.15, rim)


def key(canvas: Canvas, dice: Random) -> None:
    """A metal ring at the end of a thin bar with two or three teeth."""
    canvas.turn(dice.uniform(0, 2 * math.pi))
    color, radius = some(dice, "golden", "golden", "silver", "gray"), dice.uniform(0.24, 0.32)
    teeth = [0.9, 0.68, 0.46][: dice.choice([2, 3])]
    for ink, extra in ((darker(color, 0.5), 0.07), (color, 0.0)):
        canvas.ring((-0.62, 0), radius, radius, ink, 0.15 + extra)
        canvas.line([(radius - 0.62, 0), (0.97, 0)], ink, 0.13 + extra)
        for x in teeth:
            canvas.line([(x, 0), (x, 0.27)], ink, 0.11 + extra)


def hammer(canvas: Canvas, dice: Random) -> None:
    """A heavy metal head, blunt at one end and pointed at the other, across a thick handle."""
    canvas.turn(dice.uniform(-0.9, 0.9))
    metal = vary((105, 108, 115), dice)
    handle: Fill = texture("wood", dice) if dice.random() < 0.4 else some(dice, "brown", "orange", "red")
    side, half = dice.choice((-1, 1)), dice.uniform(0.09, 0.13)
    canvas.rectangle(-half, -0.5, half, 1, handle, (70, 50, 38))
    head = [(-0.55, -0.95), (0.2, -0.9), (0.8, -0.5), (0.2, -0.52), (-0.55, -0.45)]
    canvas.polygon([(x * side, y) for x, y in head], metal, darker(metal))
    canvas.line([(-0.55 * side, -0.98), (-0.55 * side, -0.42)], darker(metal), 0.14)


def sword(canvas: Canvas, dice: Random) -> None:
    """A long silver blade with a short cross guard and a grip."""
    canvas.turn(dice.uniform(0, 2 * math.pi))
    half, guard = dice.uniform(0.08, 0.13), some(dice, "golden", "golden", "brown", "black")
    blade = [(-half, 0.4), (-half, -0.75), (0, -1), (half, -0.75), (half, 0.4)]
    canvas.polygon(blade, named("silver", dice), (110, 114, 122))
    canvas.line([(0, -0.8), (0, 0.4)], (240, 240, 245), 0.04)
    canvas.line([(0, 0.45), (0, 0.9)], some(dice, "brown", "black", "red"), 0.13)
    canvas.line([(-0.34, 0.45), (0.34, 0.45)], guard, 0.13)
    canvas.ellipse((0, 0.92), 0.09, 0.09, guard)


def pencil(canvas: Canvas, dice: Random) -> None:
    """A long bar with a sharp dark tip and a pink end."""
    canvas.turn(dice.uniform(-1.2, 1.2))
    color, half = some(dice, "yellow", "yellow", "red", "green", "blue"), dice.uniform(0.11, 0.16)
    canvas.rectangle(-half, -0.85, half, 0.52, color, darker(color, 0.75))
    canvas.polygon([(-half, 0.52), (half, 0.52), (0, 0.97)], (230, 200, 150))
    canvas.polygon([(-half / 3, 0.82), (half / 3, 0.82), (0, 0.99)], INK)
    canvas.rectangle(-half, -0.98, half, -0.82, named("pink", dice))
    canvas.line([(-half, -0.79), (half, -0.79)], named("silver", dice), 0.07)


def gear(canvas: Canvas, dice: Random) -> None:
    """A metal disk with square teeth and a hole through its middle."""
    color, hole = some(dice, "gray", "silver", "golden", "black", "brown"), dice.uniform(0.25, 0.35)
    angles = turns(dice.choice([8, 9, 10, 12]), dice.uniform(0, 1))
    rays(canvas, angles, reach=(0.6, 0.97), color=color, width=dice.uniform(0.17, 0.23))
    middle = (0.75 + hole) / 2
    canvas.ring((0, 0), middle, middle, color, 0.75 - hole)
    canvas.ring((0, 0), hole, hole, darker(color), 0.05)


def magnet(canvas: Canvas, dice: Random) -> None:
    """A thick bar bent to a horseshoe, with silver ends."""
    canvas.turn(dice.uniform(0, 2 * math.pi))
    color, silver = some(dice, "red", "red", "blue"), named("silver", dice)
    half, bend = dice.uniform(0.15, 0.19), dice.uniform(0.46, 0.56)
    outer = arc((0, -0.15), bend + half, bend + half, math.pi, 2 * math.pi)
    inner = arc((0, -0.15), bend - half, bend - half, 2 * math.pi, math.pi)
    legs = [(bend + half, 0.45), (bend - half, 0.45)]
    canvas.polygon([*outer, *legs, *inner, *((-x, y) for x, y in reversed(legs))], color, darker(color))
    for side in (-1, 1):
        canvas.rectangle((bend - half) * side, 0.4, (bend + half) * side, 0.78, silver, darker(silver))


def barrel(canvas: Canvas, dice: Random) -> None:
    """A wooden body with bulging sides and two dark hoops."""
    end, belly, hoop = dice.uniform(0.42, 0.52), dice.uniform(0.64, 0.75), vary((62, 62, 66), dice, 8)
    right = [(end, -0.9), ((end + belly) / 2 + 0.03, -0.5), (belly, 0), ((end + belly) / 2 + 0.03, 0.5), (end, 0.9)]
    canvas.polygon(right + [(-x, y) for x, y in reversed(right)], texture("wood", dice), (70, 50, 35))
    for y in (-0.55, 0.55):
        canvas.line([(-(end + belly) / 2, y), ((end + belly) / 2, y)], hoop, 0.13)


def bell(canvas: Canvas, dice: Random) -> None:
    """A golden body, flared at its wide rim, with a loop on top and a clapper below."""
    gold, half = named("golden", dice), dice.uniform(0.42, 0.52)
    edge = darker(gold)
    canvas.ring((0, -0.86), 0.1, 0.1, edge, 0.07)
    canvas.ellipse((0, 0.74), 0.15, 0.15, edge)
    dome = arc((0, -0.2), half, 0.58, math.pi, 2 * math.pi, n=14)
    canvas.polygon([(-0.85, 0.66), (-half, 0.2), *dome, (half, 0.2), (0.85, 0.66)], gold, edge)
    canvas.line([(-0.72, 0.48), (0.72, 0.48)], edge, 0.05)


THINGS = {
    "sailboat": Thing(
        sailboat,
        (
            "a white and a colored triangle at a mast above a curved hull",
            "two upright triangles on top of a floating hull",
            "a hull below two triangles of cloth",
        ),
    ),
    "car": Thing(
        car,
        (
            "a low colored body with blue panes on two black disks",
            "a long low box on two dark disks with gray centers",
            "a low body with a glass cabin that rolls on black tires",
        ),
    ),
    "rocket": Thing(
        rocket,
        (
            "a white body with a colored pointed tip, two fins and an orange flame below",
            "a pointed white body with a round blue pane and fins",
            "a white box with a triangle on top and fire below",
        ),
    ),
    "anchor": Thing(
        anchor,
        (
            "an upright dark bar with a small ring on top and two curved hooks below",
            "a bar that ends below in a wide curve with two points",
            "a dark metal shaft with a short cross bar and hooks",
        ),
    ),
    "wheel": Thing(
        wheel,
        (
            "a thick dark ring with thin lines that meet at a small hub",
            "a round dark rim with many thin spokes",
            "a dark ring with spokes and a small dark disk in the middle",
        ),
    ),
    "key": Thing(
        key,
        (
            "a metal ring at one end of a thin bar with small teeth",
            "a golden or silver ring with a long thin shaft",
            "a thin golden or gray bar with a ring and two or three teeth",
        ),
    ),
    "hammer": Thing(
        hammer,
        (
            "a heavy gray metal head across the top of a thick handle",
            "a gray block, blunt at one end and pointed at the other, on a stick",
            "a brown or red stick with a gray metal block across its end",
        ),
    ),
    "sword": Thing(
        sword,
        (
            "a long pointed silver blade with a short cross guard and a grip",
            "a silver blade above a short bar",
            "a long thin silver shape with a sharp tip and a dark grip",
        ),
    ),
    "pencil": Thing(
        pencil,
        (
            "a long thin colored bar with a sharp dark tip and a pink end",
            "a yellow stick with a pointed tip and a pink eraser",
            "a thin bar sharpened to a black point",
        ),
    ),
    "gear": Thing(
        gear,
        (
            "a metal disk with square teeth all around and a hole in the middle",
            "a toothed disk with a hole",
            "a thick metal band with short blocks around its edge",
        ),
    ),
    "magnet": Thing(
        magnet,
        (
            "a thick red or blue bar bent to a horseshoe with two silver ends",
            "a bent red bar with silver tips",
            "a colored horseshoe whose two ends are silver",
        ),
    ),
    "barrel": Thing(
        barrel,
        (
            "a wooden body with bulging sides and two dark bands",
            "a brown wooden shape, wide in the middle, with two dark hoops",
            "wooden boards held together by two dark hoops",
        ),
    ),
    "bell": Thing(
        bell,
        (
            "a golden dome with a wide flared rim and a small disk below",
            "a golden body that gets wider below, with a loop on top",
            "a golden dome with a clapper under it",
        ),
    ),
}
