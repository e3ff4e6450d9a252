"""From maps to numbers, on pictures of 4 x 4 pixels whose every number can be counted."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stages.common import lookup
from stages.common.failures import UserError
from stages.common.masked import Masked
from stages.common.segmenting import Settings
from stages.evaluation.outlines import Outliner, outliner_of

HALF = Settings(mask="threshold", threshold=0.5, components=4)
TOP = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], np.float32)
LEFT = np.array([[0.9, 1, 0, 0]] * 4, np.float32)  # highest in the second column
FLAT = np.full((4, 4), 0.7, np.float32)
TRUTH = {"0": TOP > 0, "1": np.eye(4) > 0, "2": LEFT > 0}


class Wider:
    """A segmenter that adds the row below a mask, unless the mask is empty; notes how often it is asked."""

    def __init__(self):
        self.pictures = []

    def masks(self, picture, prompts):
        self.pictures.append(int(picture[0, 0, 0]))
        assert all(prompt.saliency.shape == picture.shape[:2] for prompt in prompts)
        return np.stack([prompt.coarse | np.roll(prompt.coarse, 1, axis=0) for prompt in prompts])


def read(path):
    return Image.new("RGB", (4, 4), (int(path.name), 0, 0))


def outliner(names="012", metrics=("dice", "pointing", "agreement")):
    paths = tuple(map(Path, names))
    benchmark = Masked("b", paths, (), (0,) * len(paths), read=read, mask=lambda path: TRUTH[path.name])
    found = {name: lookup.find("stages.metrics", name, "a test") for name in metrics}
    return Outliner(benchmark, found, HALF, Wider(), is_light=True)


def views(**maps):
    return {prefix.replace("own", ""): np.stack(each) for prefix, each in maps.items()}


def test_every_number_of_a_picture_is_that_counted_by_hand():
    sheets = [views(own=[TOP], random_=[LEFT], centre_=[FLAT]), views(own=[LEFT])]
    (first, second), covered = outliner("0").measured(sheets, 1, "")
    assert covered.tolist() == [0.5]
    assert {name: each.item() for name, each in first.items()} == pytest.approx(
        {
            "dice": 16 / 20,  # 3 rows were found, of which 2 are right
            "saliency_dice": 1.0,
            "pointing": 1.0,
            "empty": 0.0,
            "random_dice": 0.5,  # the left half
            "random_saliency_dice": 0.5,
            "random_pointing": 1.0,  # first of all highest places
            "random_empty": 0.0,
            "centre_dice": 0.0,
            "centre_saliency_dice": 0.0,
            "centre_pointing": 0.0,
            "centre_empty": 1.0,
            "agreement": 0.0,  # halves across each other
        },
        abs=1e-6,
    )
    assert {name: each.item() for name, each in second.items()} == pytest.approx(
        {"dice": 0.5, "saliency_dice": 0.5, "pointing": 1.0, "empty": 0.0}
    )


def test_agreement_is_of_both_maps_of_one_model_each():
    sheets = [views(own=[TOP]), views(own=[LEFT], random_=[LEFT]), views(own=[TOP], random_=[1 - TOP])]
    (none, same, opposite), _ = outliner("0").measured(sheets, 1, "")
    assert "agreement" not in none
    assert (same["agreement"], opposite["agreement"]) == (pytest.approx([1]), pytest.approx([-1]))
    (alone,), _ = outliner("0").measured(sheets[:1], 1, "")
    assert alone.keys() == none.keys()


@pytest.mark.parametrize("processes", [1, 2])
def test_pictures_stand_in_their_order_however_many_are_worked_on_at_once(processes):
    sheets = [views(own=[TOP, TOP, TOP]), views(own=[TOP, LEFT, LEFT])]
    (first, second), covered = outliner().measured(sheets, processes, "")
    assert first["saliency_dice"] == pytest.approx([1, 2 * 2 / 12, 0.5])
    assert second["saliency_dice"] == pytest.approx([1, 2 * 2 / 12, 1])
    assert covered.tolist() == [0.5, 0.25, 0.5]


def test_numbers_of_a_picture_are_the_same_whatever_else_the_benchmark_shows():
    maps = {"0": TOP, "1": LEFT, "2": TOP}
    (whole,), _ = outliner("012").measured([views(own=[maps[name] for name in "012"])], 1, "")
    for place, name in enumerate("012"):
        (alone,), _ = outliner(name).measured([views(own=[maps[name]])], 1, "")
        assert {metric: each[place] for metric, each in whole.items()} == {
            metric: each[0] for metric, each in alone.items()
        }


def test_a_picture_is_shown_to_the_segmenter_once_for_all_maps_of_all_models():
    own = outliner()
    own.measured([views(own=[TOP] * 3, random_=[LEFT] * 3), views(own=[TOP] * 3)], 1, "")
    assert own.segmenter.pictures == [0, 1, 2]


def test_a_small_map_is_made_as_large_as_the_picture_and_its_mask_lies_where_it_is_high():
    outline = outliner("0").drawn(0, [np.array([[3.0, 3.0], [1.0, 1.0]])])
    assert outline.maps.shape == outline.coarse.shape == outline.masks.shape == (1, 4, 4)
    assert (outline.maps.min(), outline.maps.max()) == (0, 1)
    assert np.array_equal(outline.coarse[0], TOP > 0) and np.array_equal(outline.truth, TOP > 0)
    assert outline.picture.shape == (4, 4, 3) and outline.picture.dtype == np.uint8


@pytest.mark.parametrize("value", [0.0, 0.7, np.nan])
def test_a_map_that_says_nothing_gives_an_empty_mask(value):
    (found,), _ = outliner("0").measured([views(own=[np.full((2, 2), value)], random_=[np.full((2, 2), value)])], 1, "")
    assert {name: each.tolist() for name, each in found.items() if "random" not in name} == {
        "dice": [0.0],
        "saliency_dice": [0.0],
        "pointing": [0.0],
        "agreement": [0.0],
        "empty": [1.0],
    }


def test_an_error_of_one_picture_comes_out_of_a_process():
    own = outliner()
    own.segmenter.masks = partial(_refuse, own.segmenter.masks)
    with pytest.raises(UserError, match="picture 2 is gone"):
        own.measured([views(own=[TOP] * 3)], 2, "")


def _refuse(masks, picture, prompts):
    if picture[0, 0, 0] == 2:
        raise UserError("picture 2 is gone")
    return masks(picture, prompts)


def test_what_needs_no_weights_may_work_in_several_processes():
    own = outliner_of(outliner().benchmark, {}, Settings(), torch.device("cpu"), "here")
    assert own.is_light and own.settings == Settings()
    with pytest.raises(UserError, match="here.segmenter says 'grabcat'.*Did you mean 'grabcut'"):
        outliner_of(own.benchmark, {}, Settings(segmenter="grabcat"), torch.device("cpu"), "here")
