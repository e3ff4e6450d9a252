"""A picture with what was found in it: its object's outline, the mask that was found, and the saliency behind that."""

import matplotlib
import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

SIDE = 168  # pixels of a panel's longer side
GAP = 3  # pixels between panels
TRUE, FOUND = (255, 255, 255), (64, 224, 255)  # of outlines: white, and a cyan that stands out from warm colours
HEAT = 0.6  # share of the colour of the greatest saliency


def draw(picture: np.ndarray, truth: np.ndarray, maps: np.ndarray, masks: np.ndarray) -> Image.Image:
    """Panels beside each other: the picture with its object's outline, then for each map the same with what it gave.

    Args:
        picture: [H, W, 3] uint8.
        truth: [H, W] bool; its outline is white.
        maps: [P, H, W] in [0, 1]; the more, the warmer.
        masks: [P, H, W] bool; their outlines are cyan.
    """
    panels = [_panel(picture, [(truth, TRUE)])]
    for saliency, mask in zip(maps, masks, strict=True):
        panels.append(_panel(_warmed(picture, saliency), [(truth, TRUE), (mask, FOUND)]))
    width, height = panels[0].size
    strip = Image.new("RGB", (len(panels) * (width + GAP) - GAP, height), "white")
    for number, panel in enumerate(panels):
        strip.paste(panel, (number * (width + GAP), 0))
    return strip


def _panel(picture: np.ndarray, outlines: list[tuple[np.ndarray, tuple[int, ...]]]) -> Image.Image:
    """The picture at the size of a panel, with outlines of up to two pixels."""
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    kind = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    pixels = np.array(Image.fromarray(picture).resize(size, kind))
    for mask, color in outlines:
        shown = _shown(mask, size)
        pixels[shown & ~binary_erosion(shown, iterations=2)] = color
    return Image.fromarray(pixels)


def _shown(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask at a size, width first; made smaller, it is on where any of its pixels is, so that nothing vanishes."""
    if size[0] > mask.shape[1] or size[1] > mask.shape[0]:
        return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    for axis, (length, panel) in enumerate(zip(mask.shape, size[::-1], strict=True)):
        mask = np.logical_or.reduceat(mask, np.arange(panel) * length // panel, axis=axis)
    return mask


def _warmed(picture: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """The picture in grey, coloured by saliency."""
    grey = np.asarray(Image.fromarray(picture).convert("L").convert("RGB"), np.float32)
    colors = matplotlib.colormaps["inferno"](saliency)[..., :3].astype(np.float32) * 255
    share = HEAT * (0.4 + 0.6 * saliency[..., None])
    return np.clip(grey * (1 - share) + colors * share, 0, 255).astype(np.uint8)
