"""Copies of a model see what the model sees, and leave it as it was."""

from pathlib import Path

import pytest
import torch

from stages.common import lookup
from stages.common.model_copies import lowered, moved, on_every_gpu
from stages.models import clip
from tests.stages.models.tiny import CASES, run_for

WEIGHTS = Path(__file__).parents[3] / "data/weights/tiny_clip"
IMAGES = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(2))
each = pytest.mark.parametrize("case", CASES, ids="-".join)


@pytest.fixture
def load(tiny_models):
    return lambda case: lookup.find("stages.models", case[0], "a test").load(run_for(tiny_models[case], case[0]))


def loss_and_gradient(model, target):
    images = IMAGES.clone().requires_grad_()
    loss = model.inversion_loss(images, target)
    return loss.detach(), torch.autograd.grad(loss.sum(), images)[0]


@each
def test_in_half_precision_loss_and_gradient_are_those_of_the_model_up_to_rounding(load, case):
    model = load(case)
    target = model.inversion_target(["a cat", "two dogs on a street", "lung", "heart"])
    (loss, gradient), (rough, rougher) = (loss_and_gradient(one, target) for one in (model, lowered(model)))
    torch.testing.assert_close(rough, loss, atol=0.05, rtol=0.05)
    assert rough.dtype == rougher.dtype == torch.float32
    if case != ("clip", "resnet"):  # random and eight channels wide: a rounded sign changes its gradient
        assert torch.cosine_similarity(rougher.flatten(1), gradient.flatten(1)).min() > 0.95


def test_the_drawn_worlds_resnet_has_its_gradient_in_half_precision_too():
    model = clip.load(run_for(WEIGHTS))
    target = model.inversion_target(["a round opening in a wall"])
    (_, gradient), (_, rough) = (loss_and_gradient(one, target) for one in (model, lowered(model)))
    assert torch.cosine_similarity(rough.flatten(1), gradient.flatten(1)).min() > 0.9


@each
def test_the_model_stays_as_it_was(load, case):
    model = load(case)
    before = model.state(list(model.parameters_of("both")))
    lowered(model)
    moved(model, torch.device("cpu"))
    after = model.state(list(before))
    assert all(one.dtype == torch.float32 and torch.equal(one, before[name]) for name, one in after.items())


def test_batch_norm_keeps_its_statistics_in_full(load):
    norms = [m for m in lowered(load(("clip", "resnet"))).network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms and all(norm.running_var.dtype == norm.weight.dtype == torch.float32 for norm in norms)


@each
def test_a_copy_on_another_device_sees_the_same_with_parameters_of_its_own(load, case):
    model = load(case)
    target = model.inversion_target(["a cat"])
    copied = moved(model, torch.device("cpu"))
    assert torch.equal(copied.inversion_loss(IMAGES, target), model.inversion_loss(IMAGES, target))
    own, its = (next(one.network.parameters()) for one in (model, copied))
    assert own.data_ptr() != its.data_ptr()


def test_beside_no_gpu_there_is_the_model_alone(load):
    model = load(("clip", "vit"))
    assert on_every_gpu(model) == [model]
