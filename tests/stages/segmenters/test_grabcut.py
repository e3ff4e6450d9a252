"""GrabCut on pictures whose masks are known."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from stages.common.segmenting import Settings
from stages.masks.contract import coarse_mask
from stages.metrics import dice
from stages.segmenters.contract import Prompt
from stages.segmenters.grabcut import GrabCut


def lit(side, noise, seed=0):
    """A grey ellipse in uneven light and noise, its true mask, and a blurred map of it that lies beside it."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    truth = ((x - 0.45) / 0.22) ** 2 + ((y - 0.55) / 0.15) ** 2 < 1
    grey = 100 + 40 * np.sin(2.5 * x + 1) * np.cos(2.8 * y) + 50 * truth + generator.normal(0, noise, truth.shape)
    saliency = gaussian_filter(shift(truth.astype(np.float32), (0.04 * side, -0.045 * side)), 0.07 * side)
    picture = np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    return picture, truth, saliency / saliency.max()


def scored(truth, mask):
    return dice.compute(truth, mask[None])[0]


@pytest.mark.parametrize("side", [48, 224, 1024])
def test_the_outline_of_a_thing_is_found_from_a_map_beside_it(side):
    picture, truth, saliency = lit(side, noise=10)
    prompt = Prompt(saliency, coarse_mask(saliency, Settings()))
    assert scored(truth, prompt.coarse) < 0.85
    assert scored(truth, GrabCut().masks(picture, [prompt])[0]) > 0.93


def test_opencvs_own_lots_do_not_matter_and_are_not_needed():
    picture, _, saliency = lit(48, noise=25)
    prompt, masks = Prompt(saliency, saliency > 0.5), []
    for seed in (1, 2):
        cv2.setRNGSeed(seed)
        masks.append(GrabCut().masks(picture, [prompt, prompt]))
    assert (masks[0] == masks[1]).all() and (masks[0][0] == masks[0][1]).all()


def test_a_picture_of_one_colour_leaves_the_coarse_mask_or_a_part_of_the_window():
    _, _, saliency = lit(48, noise=0)
    for coarse in (saliency > 0.5, saliency > 0.99, np.ones((48, 48), bool)):
        (mask,) = GrabCut().masks(np.full((48, 48, 3), 90, np.uint8), [Prompt(saliency, coarse)])
        assert mask.any()


def test_a_mask_of_everything_stays():
    picture, _, saliency = lit(48, noise=5)
    (mask,) = GrabCut().masks(picture, [Prompt(0.5 * saliency, np.ones((48, 48), bool))])
    assert mask.all()


def test_a_mask_that_vanishes_where_the_picture_is_made_smaller_stays():
    picture, _, saliency = lit(1024, noise=5)
    coarse = np.zeros((1024, 1024), bool)
    coarse[301, 401] = True
    (mask,) = GrabCut().masks(picture, [Prompt(saliency, coarse)])
    assert (mask == coarse).all()


def test_a_long_picture_keeps_its_shape():
    picture, _, saliency = lit(224, noise=5)
    part = slice(100, 150)
    masks = GrabCut().masks(
        np.tile(picture[part], (1, 3, 1)), [Prompt(np.tile(saliency[part], 3), np.tile(saliency[part] > 0.5, 3))]
    )
    assert masks.shape == (1, 50, 672)


@pytest.mark.parametrize("components", [1, 2])
def test_of_what_is_drawn_the_largest_parts_are_kept(components):
    """Two discs of one colour in one window, which GrabCut finds both."""
    y, x = np.mgrid[:96, :96]
    large, small = np.hypot(y - 48, x - 30) < 16, np.hypot(y - 48, x - 68) < 10
    picture = np.full((96, 96, 3), 40, np.uint8)
    picture[large | small] = 220, 60, 60
    coarse = (np.hypot(y - 48, x - 30) < 14) | (np.hypot(y - 48, x - 68) < 8)
    (mask,) = GrabCut(Settings(components=components)).masks(picture, [Prompt(coarse.astype(np.float32), coarse)])
    truth = large | small if components == 2 else large
    assert scored(truth, mask) > 0.8
    assert mask[48, 68] == (components == 2)
