"""Pictures of two things: one that is asked for, and another beside it, so that a model has to tell where which is."""

from random import Random

import numpy as np
from PIL import Image

from stages.world.backgrounds import background
from stages.world.canvas import IMAGE_PX
from stages.world.scenes import Drawing

SIDE_PX = 28  # of each thing's own drawing, made smaller


def beside(asked: Drawing, other: Drawing, dice: Random) -> Drawing:
    """Both things on one background, one to the left and one to the right, at any height; the mask is the asked one's.

    Things are cut out of their own pictures. An opening brings its wall along, since without one it is none.
    """
    behind, word = background(dice)
    pixels = np.array(behind.reduce(behind.width // IMAGE_PX))
    mask = np.zeros((IMAGE_PX, IMAGE_PX), bool)
    columns = dice.sample((0, IMAGE_PX - SIDE_PX), 2)
    for drawing, left in ((other, columns[1]), (asked, columns[0])):  # where they overlap, the asked one lies on top
        top = dice.randrange(IMAGE_PX - SIDE_PX + 1)
        place = slice(top, top + SIDE_PX), slice(left, left + SIDE_PX)
        thing, outline = _small(drawing)
        brings_all = drawing.scene["family"] == "Opening"
        pixels[place] = np.where(outline[..., None] | brings_all, thing, pixels[place])
        mask[place] = outline if drawing is asked else False
    return Drawing(pixels, mask, word, {"asked": asked.scene, "other": other.scene})


def _small(drawing: Drawing) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and mask of a drawing at SIDE_PX."""
    size = (SIDE_PX, SIDE_PX)
    thing = Image.fromarray(drawing.pixels).resize(size, Image.Resampling.LANCZOS)
    outline = Image.fromarray(drawing.mask).resize(size, Image.Resampling.NEAREST)
    return np.asarray(thing), np.asarray(outline)
