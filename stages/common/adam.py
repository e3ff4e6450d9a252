"""Adam and AdamW over a few tensors, by torch's own functional form.

torch.optim.Adam would do, but its constructor imports torch._dynamo, which costs every process 5 s before its first
step. The arithmetic is torch's: `torch.optim.adam.adam`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """The state of Adam for a fixed list of tensors, which `step` changes in place.

    Args:
        tensors: what is optimised.
        betas: decay of the two running means.
        epsilon: added to the denominator.
        weight_decay: pulls the tensors to zero.
        decoupled: AdamW's decay, which does not go through the running means; else Adam's, added to the gradient.

    Source: Kingma and Ba 2015; Loshchilov and Hutter 2019 for the decoupled decay.
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
    ) -> None:
        self.tensors = [tensor.detach() for tensor in tensors]
        self.means = [torch.zeros_like(tensor) for tensor in self.tensors]
        self.squares = [torch.zeros_like(tensor) for tensor in self.tensors]
        self.steps = [torch.zeros((), device=tensor.device) for tensor in self.tensors]
        self._fixed = {"beta1": betas[0], "beta2": betas[1], "eps": epsilon, "weight_decay": weight_decay}
        self._fixed["decoupled_weight_decay"] = decoupled

    def step(self, gradients: Sequence[Tensor | None], learning_rate: float | Tensor) -> None:
        """Move every tensor by one step against its gradient.

        Args:
            gradients: one a tensor, of its shape, however it lies in memory; a tensor whose gradient is None stays as
                it is, weight decay or not.
            learning_rate: of this step; a tensor [] on the same device lets a GPU go on without a look at the host.
        """
        states = zip(self.tensors, gradients, self.means, self.squares, self.steps, strict=True)
        tensors, given, means, squares, steps = zip(*(one for one in states if one[1] is not None), strict=True)
        given = [_as_it_lies(gradient, tensor) for gradient, tensor in zip(given, tensors, strict=True)]
        with torch.no_grad():
            adam(
                [*tensors],
                given,
                [*means],
                [*squares],
                [],
                [*steps],
                fused=True,
                amsgrad=False,
                maximize=False,
                lr=learning_rate,
                **self._fixed,
            )

    def state(self) -> dict[str, list[Tensor]]:
        """What must be kept, beside the tensors, to go on later."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def load_state(self, state: dict[str, list[Tensor]]) -> None:
        """Go on where `state` was taken."""
        self.means, self.squares, self.steps = state["means"], state["squares"], state["steps"]


def _as_it_lies(gradient: Tensor, tensor: Tensor) -> Tensor:
    """The gradient in the memory order of its tensor: torch's fused step goes through both as they lie."""
    return gradient if gradient.stride() == tensor.stride() else torch.empty_like(tensor).copy_(gradient)
