"""Every method of the folder makes a mask of a map; a new file is held to it the moment it exists."""

import numpy as np
import pytest

from stages.common import lookup
from stages.common.failures import UserError
from stages.common.segmenting import Settings
from stages.masks.contract import coarse_mask

NAMES = lookup.names("stages.masks")


@pytest.fixture(params=NAMES)
def method(request):
    return lookup.find("stages.masks", request.param, "a test")


@pytest.fixture
def saliency():
    y, x = np.mgrid[:40, :60]
    bumps = np.exp(-((y - 12) ** 2 + (x - 15) ** 2) / 40) + 0.9 * np.exp(-((y - 28) ** 2 + (x - 45) ** 2) / 20)
    return (bumps / bumps.max()).astype(np.float32)


def test_the_folder_holds_the_known_methods():
    assert {"kmeans", "threshold"} <= set(NAMES)


def test_a_mask_has_the_shape_of_its_map_and_lies_where_that_is_high(method, saliency):
    before = saliency.copy()
    mask = method.coarse(saliency, Settings())
    assert mask.shape == (40, 60) and mask.dtype == bool
    assert mask[12, 15] and mask[28, 45] and not mask[0, 59]
    assert saliency[mask].min() > saliency[~mask].max()
    assert (saliency == before).all()


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_map_that_is_the_same_everywhere_gives_an_empty_mask(method, value):
    mask = method.coarse(np.full((5, 7), value, np.float32), Settings())
    assert mask.shape == (5, 7) and mask.dtype == bool and not mask.any()


def test_the_same_map_gives_the_same_mask(method, saliency):
    assert (method.coarse(saliency, Settings()) == method.coarse(saliency, Settings())).all()


@pytest.mark.parametrize("name", NAMES)
def test_of_a_coarse_mask_the_largest_components_stay(name, saliency):
    one, two = (coarse_mask(saliency, Settings(mask=name, components=n)) for n in (1, 2))
    assert one[12, 15] and not one[28, 45]
    assert two[12, 15] and two[28, 45]


def test_an_unknown_method_is_an_error_with_the_nearest_one(saliency):
    with pytest.raises(UserError, match="segmentation.mask says 'kmean'.* Did you mean 'kmeans'"):
        coarse_mask(saliency, Settings(mask="kmean"))
