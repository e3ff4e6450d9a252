"""What `invert:` of a run may say, and what its preset fills in."""

import pytest

from stages.common.affine_ranges import Affine
from stages.common.failures import UserError
from stages.inversion.settings import REFERENCE, Settings, settings_of


def test_nothing_written_gives_our_numbers_and_the_papers_affine():
    settings, affine = settings_of({}, "here")
    assert settings == Settings()
    assert affine == Affine(0.5, 30.0, 0.1, (0.7, 1.0))


def test_the_preset_reference_selects_the_references_numbers():
    settings, affine = settings_of({"preset": "reference"}, "here")
    assert (settings.steps, settings.learning_rate, settings.distance) == (5000, 0.1, "euclidean")
    assert (settings.start_px, settings.grow_at, settings.anneal_every) == (64, (900, 1800), 1066)
    assert affine.scale == (0.7, 1.2)


def test_the_preset_vilt_selects_the_papers_numbers_for_it():
    settings, affine = settings_of({"preset": "vilt"}, "here")
    assert (settings.steps, settings.learning_rate, settings.weight_decay) == (5000, 0.1, 0.01)
    assert (settings.start, settings.scales, settings.tv_weight) == ("normal", (), 0.005)
    assert (settings.start_px, settings.grow_at, settings.anneal_every) == (64, (900, 1800, 2700), 0)
    assert (settings.distance, affine.probability) == ("cosine", 0.0)


def test_what_is_written_beside_the_preset_wins():
    written = {"preset": "reference", "steps": 7, "start_px": 32, "affine": {"scale": [0.9, 1.0]}}
    settings, affine = settings_of(written, "here")
    assert (settings.steps, settings.start_px, affine.scale) == (7, 32, (0.9, 1.0))
    assert settings.learning_rate == REFERENCE["learning_rate"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"stepz": 5}, "Did you mean 'steps'"),
        ({"steps": 0}, "steps and views must be at least 1"),
        ({"learning_rate": 0}, "learning_rate and clip must be above 0"),
        ({"tv_weight": -1.0}, "tv_weight and weight_decay at least 0"),
        ({"weight_decay": -0.1}, "tv_weight and weight_decay at least 0"),
        ({"start": "gaussian"}, "'uniform', 'normal'"),
        ({"preset": "refrence"}, "Did you mean 'reference'"),
        ({"distance": "manhattan"}, "'cosine', 'euclidean'"),
        ({"affine": {"rotation": 5}}, "affine.rotation"),
        ({"affine": {"scale": [0.7]}}, "scale must be"),
        ({"affine": {"scale": [0, 1]}}, "scale must be"),
    ],
)
def test_a_mistake_is_told_with_its_place(written, told):
    with pytest.raises(UserError, match=f"params.yaml: runs.x.invert.*{told}"):
        settings_of(written, "params.yaml: runs.x.invert")
