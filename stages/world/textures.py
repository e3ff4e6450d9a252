"""Materials as pictures: brick, stone, wood and the like, made once from a fixed seed and cropped at random."""

import math
from functools import cache
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from stages.world.canvas import DRAWN_PX

MATERIALS = ("brick", "stone", "wood", "metal", "tile", "plaster", "grass", "sand", "sky", "water")
_SHEET_PX = 2 * DRAWN_PX
_SHEETS = 24  # different sheets a material
_SEED = 20241

_BLOCKS = {  # material: (block colours, mortar)
    "brick": (((165, 75, 55), (180, 95, 70), (150, 65, 60), (140, 90, 75)), (205, 195, 185)),
    "stone": (((140, 138, 132), (155, 150, 140), (120, 122, 126), (165, 158, 140)), (85, 82, 78)),
    "tile": (((210, 225, 230), (170, 200, 210), (225, 215, 200), (120, 170, 190)), (245, 245, 245)),
}
_PLAIN = {
    "plaster": ((225, 215, 200), (200, 200, 195), (215, 195, 170)),
    "wood": ((150, 105, 60), (180, 135, 85), (115, 75, 45)),
    "grass": ((70, 135, 50), (95, 150, 60), (60, 115, 55)),
}


def texture(material: str, dice: Random) -> Image.Image:
    """A piece of `material`, RGB, DRAWN_PX x DRAWN_PX."""
    sheet = _sheets(material)[dice.randrange(_SHEETS)]
    x, y = dice.randrange(_SHEET_PX - DRAWN_PX), dice.randrange(_SHEET_PX - DRAWN_PX)
    return sheet.crop((x, y, x + DRAWN_PX, y + DRAWN_PX))


@cache
def _sheets(material: str) -> list[Image.Image]:
    chance = np.random.default_rng([_SEED, MATERIALS.index(material)])
    make = _PAINTERS.get(material, _blocks)
    sheets = [make(material, chance) for _ in range(_SHEETS)]
    return [Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8)) for sheet in sheets]


def _clouds(chance: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth noise of about unit variance, [side, side, 1]; fewer cells give larger patches."""
    grid = Image.fromarray(chance.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(grid.resize((_SHEET_PX, _SHEET_PX), Image.Resampling.BICUBIC))[..., None]


def _ground(color: tuple[int, ...], chance: np.random.Generator, patches: float, cells: int = 24) -> np.ndarray:
    fine = chance.normal(0, 4, (_SHEET_PX, _SHEET_PX, 1))
    return np.asarray(color, np.float32) + _clouds(chance, cells) * patches + fine + chance.normal(0, 8, 3)


def _blocks(material: str, chance: np.random.Generator) -> np.ndarray:
    colors, mortar = _BLOCKS[material]
    color = colors[chance.integers(len(colors))]
    sheet = Image.new("RGB", (_SHEET_PX, _SHEET_PX), mortar)
    pen, high, gap = ImageDraw.Draw(sheet), int(chance.integers(11, 22)), int(chance.integers(1, 4))
    wide = int(high * {"brick": chance.uniform(1.8, 2.6), "tile": 1.0, "stone": chance.uniform(1.1, 1.8)}[material])
    for row in range(-1, _SHEET_PX // high + 1):
        x = 0 if material == "tile" else -(wide // 2) * (row % 2)
        x -= int(chance.integers(0, wide)) if material == "stone" else 0
        while x < _SHEET_PX:
            width = int(wide * chance.uniform(0.6, 1.5)) if material == "stone" else wide
            shade = tuple(int(np.clip(c + chance.normal(0, 5 if material == "tile" else 14), 0, 255)) for c in color)
            box = (x, row * high, x + width - gap, row * high + high - gap)
            pen.rounded_rectangle(box, 4 if material == "stone" else 0, fill=shade)
            x += width
    return np.asarray(sheet, np.float32) + chance.normal(0, 5, (_SHEET_PX, _SHEET_PX, 1))


def _planks(material: str, chance: np.random.Generator) -> np.ndarray:
    colors = _PLAIN[material]
    grain = Image.fromarray(chance.normal(0, 1, (_SHEET_PX // 3, 6)).astype(np.float32))
    lines = np.asarray(grain.resize((_SHEET_PX, _SHEET_PX), Image.Resampling.BICUBIC)).T[..., None]
    sheet = _ground(colors[chance.integers(len(colors))], chance, 4) + lines * 14
    plank = int(chance.integers(18, 34))
    sheet[:, ::plank] *= 0.5
    sheet[:, 1::plank] *= 0.7
    return sheet


def _metal(material: str, chance: np.random.Generator) -> np.ndarray:
    shine = np.sin(np.linspace(0, chance.uniform(2, 5) * math.pi, _SHEET_PX) + chance.uniform(0, 6))
    brushed = chance.normal(0, 6, (_SHEET_PX, 1, 1))
    return _ground((165, 170, 178), chance, 3) + (shine * 38)[None, :, None] + brushed


def _plain(material: str, chance: np.random.Generator) -> np.ndarray:
    colors = _PLAIN[material]
    sheet = _ground(colors[chance.integers(len(colors))], chance, 6 if material == "plaster" else 12, 16)
    return sheet + (chance.normal(0, 22, (_SHEET_PX, _SHEET_PX, 1)) if material == "grass" else 0)


def _sand(material: str, chance: np.random.Generator) -> np.ndarray:
    return _ground((215, 190, 140), chance, 6) + chance.normal(0, 10, (_SHEET_PX, _SHEET_PX, 1))


def _sky(material: str, chance: np.random.Generator) -> np.ndarray:
    sheet = _ground((120, 175, 235), chance, 3) + np.linspace(-25, 35, _SHEET_PX)[:, None, None]
    cloud = np.clip(_clouds(chance, 9) - 0.4, 0, 1)
    return sheet * (1 - cloud) + 245 * cloud


def _water(material: str, chance: np.random.Generator) -> np.ndarray:
    waves = np.sin(np.linspace(0, chance.uniform(20, 45), _SHEET_PX))[:, None, None] * 18
    return _ground((50, 105, 170), chance, 5) + waves + _clouds(chance, 20) * 12


_PAINTERS = {"wood": _planks, "metal": _metal, "plaster": _plain, "grass": _plain, "sand": _sand, "sky": _sky}
_PAINTERS["water"] = _water
