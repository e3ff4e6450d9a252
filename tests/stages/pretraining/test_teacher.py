"""The teacher: what the tiny CLIP's own layers give, in tensors that a training can use."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stages.models import clip as family
from stages.pretraining.clip import WEIGHTS
from stages.pretraining.teacher import Teacher
from tests.stages.models.tiny import run_for


@pytest.fixture(scope="module")
def model():
    return family.load(replace(run_for(Path(__file__).parents[3] / WEIGHTS), device="cpu"))


def test_it_sees_what_the_model_sees_and_its_layers_before(model):
    pictures = torch.randint(0, 256, (3, 48, 48, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    images = pictures.permute(0, 3, 1, 2).float() / 255
    seen, second, third = Teacher(model).look(images)
    torch.testing.assert_close(seen, model.embed_images(images).detach())
    visual = model.network.visual
    before = visual.layer1(visual.stem((images - 0.5) / 0.27))
    torch.testing.assert_close(second, visual.layer2(before), atol=1e-4, rtol=0)
    torch.testing.assert_close(third, visual.layer3(second), atol=1e-4, rtol=0)
    assert (second.shape, third.shape) == ((3, 128, 6, 6), (3, 256, 3, 3))
    assert not any(found.is_inference() for found in (seen, second, third))
    assert torch.equal(Teacher(model).embed_pictures(pictures), seen)


def test_a_text_says_to_it_what_it_says_to_the_model(model):
    texts = ["a kite", "a photo of a round opening in a wall of brick"]
    said = Teacher(model).embed_texts(texts)
    torch.testing.assert_close(said, model.embed_texts(texts), atol=1e-5, rtol=0)
    assert not said.is_inference()
