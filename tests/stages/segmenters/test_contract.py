"""Every segmenter keeps the promises of stages/segmenters/contract.py; a new file is held to them once it exists."""

import numpy as np
import pytest
import torch

from stages.common import lookup
from stages.common.failures import UserError
from stages.common.segmenting import Settings
from stages.segmenters.contract import Prompt
from tests.stages.segmenters.tiny import FOLDERS

NAMES = lookup.names("stages.segmenters")
WHERE = "params.yaml: runs.tiny.segmentation"
HEIGHT, WIDTH = 40, 72


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Name -> folder of tiny random weights, or None for what needs none."""
    made = dict.fromkeys(NAMES)
    for name, make in FOLDERS.items():
        made[name] = str(tmp_path_factory.mktemp(name))
        make(made[name])
    return made


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def loaded(name, weights, **settings):
    asked = Settings(segmenter=name, weights=weights, **settings)
    return lookup.find("stages.segmenters", name, "a test").load(asked, torch.device("cpu"), WHERE)


@pytest.fixture
def segmenter(name, folders):
    return loaded(name, folders[name])


@pytest.fixture
def picture():
    """A red disc and a blue one on grey, with noise."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    shown = np.full((HEIGHT, WIDTH, 3), 120.0)
    shown[np.hypot(y - 18, x - 20) < 10] = 200, 40, 40
    shown[np.hypot(y - 24, x - 52) < 9] = 40, 60, 210
    shown += np.random.default_rng(0).normal(0, 8, shown.shape)
    return shown.clip(0, 255).astype(np.uint8)


def prompt(y, x, radius):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    saliency = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * radius**2)).astype(np.float32)
    return Prompt(saliency, saliency > 0.6)


PROMPTS = [prompt(18, 20, 8), prompt(24, 52, 7), prompt(10, 40, 15)]
EMPTY = Prompt(np.zeros((HEIGHT, WIDTH), np.float32), np.zeros((HEIGHT, WIDTH), bool))


def test_the_folder_holds_the_known_segmenters():
    assert {"grabcut", "sam", "sam2"} <= set(NAMES)
    needing = {name for name in NAMES if lookup.constant("stages.segmenters", name, "WEIGHTS") is not None}
    assert needing == set(FOLDERS)


def test_each_prompt_has_a_mask_of_the_pictures_size(segmenter, picture):
    masks = segmenter.masks(picture, PROMPTS)
    assert masks.shape == (3, HEIGHT, WIDTH) and masks.dtype == bool
    assert masks.any(axis=(1, 2)).all() and not masks.all(axis=(1, 2)).any()
    assert (masks[0] != masks[1]).any()


def test_an_upright_picture_is_taken_as_well(segmenter, picture):
    turned = [Prompt(one.saliency.T.copy(), one.coarse.T.copy()) for one in PROMPTS]
    assert segmenter.masks(np.ascontiguousarray(picture.swapaxes(0, 1)), turned).shape == (3, WIDTH, HEIGHT)


def test_the_same_is_drawn_again_and_by_another_one_of_it(segmenter, picture, name, folders):
    masks = segmenter.masks(picture, PROMPTS)
    assert (segmenter.masks(picture, PROMPTS) == masks).all()
    assert (loaded(name, folders[name]).masks(picture, PROMPTS) == masks).all()


def test_a_mask_does_not_depend_on_the_other_prompts(segmenter, picture):
    together = segmenter.masks(picture, PROMPTS)
    for place, one in enumerate(PROMPTS):
        assert (segmenter.masks(picture, [one])[0] != together[place]).mean() < 0.01  # what rounding may move
        assert (segmenter.masks(picture, [EMPTY, *PROMPTS[::-1]])[3 - place] != together[place]).mean() < 0.01


def test_an_empty_coarse_mask_gives_an_empty_mask(segmenter, picture):
    masks = segmenter.masks(picture, [EMPTY, PROMPTS[0], EMPTY])
    assert masks.any(axis=(1, 2)).tolist() == [False, True, False]
    assert not segmenter.masks(picture, [EMPTY]).any()
    assert segmenter.masks(picture, []).shape == (0, HEIGHT, WIDTH)


def test_a_coarse_mask_of_everything_or_of_one_pixel_is_taken(segmenter, picture):
    whole = Prompt(np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH), ~EMPTY.coarse)
    pixel = Prompt(PROMPTS[0].saliency, (PROMPTS[0].saliency == 1))
    assert pixel.coarse.sum() == 1
    assert segmenter.masks(picture, [whole, pixel]).shape == (2, HEIGHT, WIDTH)


def test_picture_and_prompts_are_left_as_they_were(segmenter, picture):
    before = picture.copy(), [(one.saliency.copy(), one.coarse.copy()) for one in PROMPTS]
    segmenter.masks(picture, PROMPTS)
    assert (picture == before[0]).all()
    for one, (saliency, coarse) in zip(PROMPTS, before[1], strict=True):
        assert (one.saliency == saliency).all() and (one.coarse == coarse).all()


def test_weights_that_it_cannot_use_are_refused_in_one_line(name, tmp_path):
    with pytest.raises(UserError) as told:
        loaded(name, str(tmp_path / "none"))
    assert str(told.value).startswith(f"{WHERE}.weights says '{tmp_path}/none', but ")
    assert "\n" not in str(told.value)
