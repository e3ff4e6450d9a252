"""model_code: a model's answers come from its family and from the networks that the family uses, and no others."""

import pytest

from stages.common.model_code import model_code
from tests.stages.recipes.lessons import fresh

LOADS = "stages.networks.open_clip_weights"
TOWERS = "stages.networks.two_towers"


@pytest.mark.parametrize(
    ("case", "networks"),
    [
        (("clip", "vit"), {LOADS, TOWERS}),
        (("coca", "pooled"), {LOADS, TOWERS, "stages.networks.caption_writing"}),
        (("vilt", "b32"), {"stages.networks.vilt"}),
        (("medclip", "swin"), {"stages.networks.medclip"}),
    ],
    ids=str,
)
def test_the_files_of_a_model_are_its_family_and_its_networks(tiny_models, case, networks):
    assert model_code(fresh(tiny_models[case], case[0])) == {f"stages.models.{case[0]}", *networks}


def test_a_model_of_another_home_has_none():
    assert model_code(object()) == set()
