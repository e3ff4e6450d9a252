"""What every fine-tuning loop needs: which parameters move, batches in random order, and a check of the loss."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor
from torch.nn import Parameter

from stages.common.failures import UserError


def batches(n: int, size: int, epochs: int, generator: Generator) -> list[Tensor]:
    """Indices of `n` things in random order, `epochs` times over, in batches; the last of an epoch may be smaller."""
    return [part for _ in range(epochs) for part in torch.randperm(n, generator=generator).split(size)]


@contextmanager
def trainable(parameters: dict[str, Parameter]) -> Iterator[list[Parameter]]:
    """The parameters as a list that wants gradients inside, frozen again outside."""
    chosen = list(parameters.values())
    for parameter in chosen:
        parameter.requires_grad_(True)
    try:
        yield chosen
    finally:
        for parameter in chosen:
            parameter.requires_grad_(False)


def gradients(
    loss: Tensor, parameters: list[Parameter], learning_rate: float, losses: list[float] | None = None
) -> list[Tensor | None]:
    """The gradient of each parameter, None where the loss does not reach it; the loss is appended to `losses`.

    Raises:
        UserError: the loss is NaN or infinite.
    """
    value = loss.item()
    if not math.isfinite(value):
        raise UserError(
            f"fine-tuning met a loss of {value} at learning rate {learning_rate:g}. Write a smaller one in "
            "params.yaml, under the run's recipes."
        )
    if losses is not None:
        losses.append(value)
    return list(torch.autograd.grad(loss, parameters, allow_unused=True))
