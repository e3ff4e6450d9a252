"""What every metric of segmentation promises, and the surface Dice beside DeepMind's surface-distance."""

import warnings

import numpy as np
import pytest

from stages.common import lookup
from stages.metrics import dice, iou, nsd, nsd_slab

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses names that scipy calls deprecated
    import surface_distance

NAMES = [
    name for name in lookup.names("stages.metrics") if lookup.constant("stages.metrics", name, "TASK") == "segmentation"
]
KINDS = {name: lookup.constant("stages.metrics", name, "OF") for name in NAMES}
SIDE = 96


def of_kind(*kinds):
    return pytest.mark.parametrize("name", [name for name in NAMES if KINDS[name] in kinds])


each = of_kind("masks", "maps", "prompts")


def asked(name, *arrays):
    return lookup.find("stages.metrics", name, "a test").compute(*arrays)


def disc(y, x, radius):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.hypot(rows - y, columns - x) < radius


EMPTY, DISC = np.zeros((SIDE, SIDE), bool), disc(40, 44, 20)
NOISE = np.random.default_rng(0).random((SIDE, SIDE)) < 0.02
PAIRS = {  # true mask, found mask
    "shifted": (DISC, disc(43, 42, 22)),
    "equal": (DISC, DISC),
    "apart": (DISC, disc(80, 80, 12)),
    "noisy": (DISC, DISC ^ NOISE),
    "tiny": (disc(20, 20, 1), disc(20, 21, 1)),
    "at the edge": (disc(0, 44, 20), disc(2, 44, 20)),
    "nothing found": (DISC, EMPTY),
    "nothing there": (EMPTY, DISC),
    "both empty": (EMPTY, EMPTY),
}
FULL = [name for name, pair in PAIRS.items() if all(mask.any() for mask in pair)]


def surface_dice(truth, found):
    """The number that surface-distance gives, in as many dimensions as the masks have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distances = surface_distance.compute_surface_distances(truth, found, (1,) * truth.ndim)
    return surface_distance.compute_surface_dice_at_tolerance(distances, 2)


@pytest.fixture
def arrays():
    """Of each kind what a metric is computed of, P = 4."""
    generator = np.random.default_rng(1)
    found = np.stack([disc(40, 44, 15), disc(50, 44, 20), DISC & NOISE, disc(30, 30, 5)])
    maps = generator.random((2, 4, SIDE, SIDE), np.float32)
    return {"masks": (DISC, found), "maps": (DISC, maps[0]), "prompts": (maps[0], maps[0] + maps[1])}


def test_there_are_metrics_of_each_kind():
    assert set(KINDS.values()) == {"masks", "maps", "prompts"}


@each
def test_each_mask_or_map_gets_a_number_whatever_stands_beside_it(name, arrays):
    reference, found = arrays[KINDS[name]]
    together = asked(name, reference, found)
    assert together.shape == (4,) and together.dtype == np.float64
    assert (together >= -1).all() and (together <= 1).all()
    own = [reference[[p]] if KINDS[name] == "prompts" else reference for p in range(4)]
    assert together.tolist() == [asked(name, own[p], found[[p]])[0] for p in range(4)]


@each
def test_nothing_changes_what_is_measured(name, arrays):
    before = [array.copy() for array in arrays[KINDS[name]]]
    asked(name, *arrays[KINDS[name]])
    assert all((array == kept).all() for array, kept in zip(arrays[KINDS[name]], before, strict=True))


@each
def test_a_mirrored_picture_has_the_same_numbers(name, arrays):
    reference, found = arrays[KINDS[name]]
    for axis in (-1, -2):
        mirrored = asked(name, np.flip(reference, axis), np.flip(found, axis))
        assert mirrored.tolist() == pytest.approx(asked(name, reference, found).tolist(), abs=1e-12)


@of_kind("masks", "maps")
def test_what_equals_the_truth_scores_1(name):
    kind = bool if KINDS[name] == "masks" else np.float32
    assert asked(name, DISC, DISC[None].astype(kind)).tolist() == [1]


@of_kind("masks")
def test_both_empty_is_1_and_one_empty_is_0(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asked(name, EMPTY, np.stack([EMPTY, DISC])).tolist() == [1, 0]
        assert asked(name, DISC, np.stack([EMPTY, DISC, EMPTY])).tolist() == [0, 1, 0]
        assert asked(name, DISC, EMPTY[None]).tolist() == [0]


@of_kind("maps")
def test_a_constant_map_points_nowhere(name):
    assert asked(name, np.ones((4, 5), bool), np.full((2, 4, 5), [[[0.0]], [[0.7]]], np.float32)).tolist() == [0, 0]


@of_kind("prompts")
def test_a_constant_map_correlates_with_none(name):
    maps = np.random.default_rng(0).random((2, 6, 7), np.float32)
    flat = np.full((2, 6, 7), 0.1, np.float32)
    for pair in ((maps, flat), (flat, maps), (flat, flat)):
        assert asked(name, *pair).tolist() == [0, 0]


@pytest.mark.parametrize("pair", FULL)
def test_surface_dice_is_that_of_surface_distance(pair):
    truth, found = PAIRS[pair]
    assert nsd.compute(truth, found[None])[0] == pytest.approx(surface_dice(truth, found), abs=1e-6)
    slab = surface_dice(truth[..., None], found[..., None])
    assert nsd_slab.compute(truth, found[None])[0] == pytest.approx(slab, abs=1e-6)


def test_surface_dice_of_random_masks_is_that_of_surface_distance():
    generator = np.random.default_rng(2)
    for height, width, share in ((1, 9, 0.5), (9, 1, 0.5), (12, 17, 0.1), (30, 21, 0.5), (25, 25, 0.95)):
        truth, found = generator.random((2, height, width)) < share
        assert nsd.compute(truth, found[None])[0] == pytest.approx(surface_dice(truth, found), abs=1e-6)
        slab = surface_dice(truth[..., None], found[..., None])
        assert nsd_slab.compute(truth, found[None])[0] == pytest.approx(slab, abs=1e-6)


def test_the_slab_is_above_the_outline_and_near_dice_as_in_the_papers_table():
    truth, found = PAIRS["shifted"]
    values = {metric.__name__: metric.compute(truth, found[None])[0] for metric in (dice, nsd, nsd_slab)}
    assert values["stages.metrics.nsd"] < values["stages.metrics.dice"] < values["stages.metrics.nsd_slab"]


@pytest.mark.parametrize("pair", list(PAIRS))
def test_overlap_is_that_of_counted_pixels(pair):
    truth, found = PAIRS[pair]
    both, either = (truth & found).sum(), (truth | found).sum()
    expected = both / either if either else 1.0
    assert iou.compute(truth, found[None])[0] == pytest.approx(expected, abs=1e-6)
    assert dice.compute(truth, found[None])[0] == pytest.approx(2 * expected / (1 + expected), abs=1e-6)
