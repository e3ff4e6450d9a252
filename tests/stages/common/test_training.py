"""Pieces of a fine-tuning loop: batches, which parameters move, and a loss that must be a number."""

import pytest
import torch
from torch.nn import Parameter

from stages.common.failures import UserError
from stages.common.training import batches, gradients, trainable


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_every_epoch_goes_through_everything_once_in_its_own_order():
    plan = batches(10, 4, 3, generator())
    assert [len(rows) for rows in plan] == [4, 4, 2] * 3
    epochs = [torch.cat(plan[i : i + 3]).tolist() for i in (0, 3, 6)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_the_order_is_the_generators():
    first, same, other = (torch.cat(batches(20, 4, 1, generator(seed))).tolist() for seed in (0, 0, 1))
    assert first == same != other


def test_parameters_want_gradients_inside_alone():
    parameter = Parameter(torch.ones(2), requires_grad=False)
    with trainable({"weight": parameter}) as chosen:
        assert chosen == [parameter] and parameter.requires_grad
    assert not parameter.requires_grad


def test_parameters_are_frozen_again_after_an_error():
    parameter = Parameter(torch.ones(2), requires_grad=False)
    with pytest.raises(KeyError), trainable({"weight": parameter}):
        raise KeyError
    assert not parameter.requires_grad


def test_a_parameter_that_the_loss_does_not_reach_gets_none():
    reached, apart = Parameter(torch.tensor([3.0])), Parameter(torch.ones(2, 2))
    found = gradients((reached**2).sum(), [reached, apart], 0.1)
    assert found[0].tolist() == [6.0]
    assert found[1] is None


def test_the_loss_is_kept_where_it_is_asked_for():
    parameter, losses = Parameter(torch.tensor([3.0])), [1.0]
    gradients((parameter**2).sum(), [parameter], 0.1, losses)
    assert losses == [1.0, 9.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_told_with_the_learning_rate(value):
    parameter = Parameter(torch.ones(1))
    with pytest.raises(UserError, match="learning rate 0.003"):
        gradients((parameter * value).sum(), [parameter], 0.003)
