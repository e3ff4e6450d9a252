"""Adam moves tensors as torch's own optimisers do, and goes on where it stopped."""

import io

import pytest
import torch

from stages.common.adam import Adam


def start():
    chance = torch.Generator().manual_seed(0)
    return [torch.randn(3, 4, generator=chance), torch.randn(5, generator=chance)]


def gradients(step):
    chance = torch.Generator().manual_seed(100 + step)
    return [torch.randn(3, 4, generator=chance), torch.randn(5, generator=chance)]


def moved(optimizer, steps):
    for step in steps:
        optimizer.step(gradients(step), 0.1 / (step + 1))
    return optimizer.tensors


@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
@pytest.mark.parametrize("decoupled", [False, True], ids=["Adam", "AdamW"])
def test_it_moves_tensors_as_the_optimiser_of_torch_does(decoupled, weight_decay):
    ours = Adam(start(), betas=(0.9, 0.98), epsilon=1e-6, weight_decay=weight_decay, decoupled=decoupled)
    theirs = [tensor.requires_grad_() for tensor in start()]
    make = torch.optim.AdamW if decoupled else torch.optim.Adam
    optimizer = make(theirs, betas=(0.9, 0.98), eps=1e-6, weight_decay=weight_decay)
    for step in range(6):
        optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
        for tensor, gradient in zip(theirs, gradients(step), strict=True):
            tensor.grad = gradient
        optimizer.step()
    for mine, other in zip(moved(ours, range(6)), theirs, strict=True):
        torch.testing.assert_close(mine, other.detach(), rtol=0, atol=1e-6)


def test_the_first_step_is_as_long_as_the_learning_rate():
    tensor = torch.tensor([1.0, 1.0, 1.0])
    Adam([tensor]).step([torch.tensor([3.0, -0.01, 0.0])], 0.5)
    assert tensor.tolist() == pytest.approx([0.5, 1.5, 1.0], abs=1e-5)


def test_parameters_move_in_place_though_they_want_gradients():
    parameter = torch.nn.Parameter(torch.ones(2))
    Adam([parameter]).step([torch.ones(2)], 0.25)
    assert parameter.tolist() == pytest.approx([0.75, 0.75])
    assert parameter.requires_grad and parameter.is_leaf


def test_it_goes_on_from_a_kept_state_as_if_it_had_never_stopped():
    unbroken = moved(Adam(start()), range(6))
    before = Adam(start())
    moved(before, range(3))
    file = io.BytesIO()
    torch.save({"tensors": before.tensors, "state": before.state()}, file)
    file.seek(0)
    kept = torch.load(file, weights_only=True)
    after = Adam(kept["tensors"])
    after.load_state(kept["state"])
    for mine, other in zip(moved(after, range(3, 6)), unbroken, strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("decoupled", [False, True], ids=["Adam", "AdamW"])
def test_a_tensor_without_a_gradient_stays_as_torchs_optimiser_leaves_it(decoupled):
    """The second has a gradient in every other step alone; what was gathered for it waits."""
    ours = Adam(start(), weight_decay=0.2, decoupled=decoupled)
    theirs = [tensor.requires_grad_() for tensor in start()]
    optimizer = (torch.optim.AdamW if decoupled else torch.optim.Adam)(theirs, lr=0.1, weight_decay=0.2)
    for step in range(5):
        first, second = gradients(step)
        given = [first, second if step % 2 else None]
        before = ours.tensors[1].clone()
        ours.step(given, 0.1)
        assert torch.equal(ours.tensors[1], before) == (step % 2 == 0)
        for tensor, gradient in zip(theirs, given, strict=True):
            tensor.grad = gradient
        optimizer.step()
        for mine, other in zip(ours.tensors, theirs, strict=True):
            torch.testing.assert_close(mine, other.detach(), rtol=0, atol=1e-6)
    assert [int(step) for step in ours.steps] == [5, 2]


def test_a_gradient_that_lies_otherwise_in_memory_moves_the_same_elements():
    shape, chance = (2, 3, 4, 4), torch.Generator().manual_seed(0)
    start, gradient = torch.randn(shape, generator=chance), torch.randn(shape, generator=chance)
    plain, last = start.clone(), start.clone(memory_format=torch.channels_last)
    Adam([plain]).step([gradient], 0.1)
    Adam([last]).step([gradient], 0.1)
    assert torch.equal(plain, last)
