"""The colours that captions can name, and the small differences between two things of one colour."""

from random import Random

from stages.world.canvas import Color

COLORS: dict[str, Color] = {
    "red": (205, 40, 40),
    "orange": (240, 140, 30),
    "yellow": (240, 215, 50),
    "green": (50, 150, 60),
    "blue": (45, 85, 200),
    "purple": (130, 60, 165),
    "pink": (240, 140, 180),
    "brown": (125, 80, 45),
    "black": (28, 28, 30),
    "white": (240, 240, 238),
    "gray": (130, 130, 132),
    "silver": (192, 196, 204),
    "golden": (212, 172, 60),
}
NAMES = list(COLORS)
INK: Color = (30, 30, 32)
PAPER: Color = (242, 242, 240)


def vary(color: Color, dice: Random, spread: float = 13.0) -> Color:
    """A colour near `color`: each channel moved by a normal deviate of this spread, kept in 0..255."""
    red, green, blue = (max(0, min(255, int(channel + dice.gauss(0, spread)))) for channel in color)
    return red, green, blue


def named(name: str, dice: Random) -> Color:
    """A shade of the colour `name`, a key of COLORS."""
    return vary(COLORS[name], dice)


def some(dice: Random, *names: str) -> Color:
    """A shade of one of the named colours, or of any colour when none is named."""
    return named(dice.choice(names or NAMES), dice)
