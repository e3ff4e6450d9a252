"""What lies behind an object: a flat colour, a gradient, or a material."""

from random import Random

import numpy as np
from PIL import Image, ImageDraw

from stages.world.canvas import DRAWN_PX, Color
from stages.world.colors import vary
from stages.world.textures import texture

BEHIND = ("plaster", "sand", "sky", "grass", "water", "wood", "tile", "metal")
_SIZE = (DRAWN_PX, DRAWN_PX)


def background(dice: Random) -> tuple[Image.Image, str | None]:
    """A background and the word for its material, None where it is only coloured."""
    kind = dice.choices(("flat", "gradient", "material"), (5, 2, 3))[0]
    if kind == "material":
        material = dice.choice(BEHIND)
        return texture(material, dice), material
    picture = _flat(dice) if kind == "flat" else _gradient(dice)
    if dice.random() < 0.3:
        _sprinkle(picture, dice)
    return picture, None


def view(kind: str, dice: Random) -> Image.Image:
    """What is seen through an opening: garden, sky, water, or darkness."""
    if kind == "darkness":
        return Image.new("RGB", _SIZE, vary((25, 25, 30), dice))
    if kind != "garden":
        return texture(kind, dice)
    picture = texture("grass", dice)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, DRAWN_PX, dice.randrange(30, 66)), fill=vary((150, 195, 235), dice))
    for _ in range(dice.randrange(3, 8)):
        bush = vary(dice.choice(((40, 110, 45), (60, 140, 60), (200, 80, 120), (90, 70, 40))), dice)
        x, y, radius = dice.randrange(DRAWN_PX), dice.randrange(30, DRAWN_PX), dice.randrange(4, 14)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=bush)
    return picture


def _any_color(dice: Random, low: int = 20, high: int = 250) -> Color:
    return dice.randrange(low, high), dice.randrange(low, high), dice.randrange(low, high)


def _flat(dice: Random) -> Image.Image:
    pale = dice.randrange(215, 255)
    return Image.new("RGB", _SIZE, _any_color(dice) if dice.random() < 0.6 else (pale, pale, pale))


def _gradient(dice: Random) -> Image.Image:
    start, end = np.array(_any_color(dice, 40), np.float32), np.array(_any_color(dice, 40), np.float32)
    share = np.linspace(0, 1, DRAWN_PX, dtype=np.float32)[:, None, None]
    pixels = np.broadcast_to(start * (1 - share) + end * share, (*_SIZE, 3))
    return Image.fromarray((pixels if dice.random() < 0.5 else pixels.swapaxes(0, 1)).astype(np.uint8))


def _sprinkle(picture: Image.Image, dice: Random) -> None:
    pen = ImageDraw.Draw(picture)
    for _ in range(dice.randrange(1, 5)):
        x, y, radius = dice.randrange(DRAWN_PX), dice.randrange(DRAWN_PX), dice.randrange(1, 5)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_any_color(dice))
