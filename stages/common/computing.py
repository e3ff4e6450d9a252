"""Where a model computes, and in what precision."""

from typing import Protocol

import torch
from torch import nn

from stages.common.failures import UserError
from stages.common.params import Run


class _WithNetwork(Protocol):
    """What is asked of a model here; stages/models/contract.py has the rest."""

    network: nn.Module


def device_of(run: Run) -> torch.device:
    """Where a run computes.

    Raises:
        UserError: it asks for a GPU that is not there.
    """
    if run.device == "cuda" and not torch.cuda.is_available():
        raise UserError(f"params.yaml: runs.{run.key}.device says 'cuda', but no GPU is there. Allowed: auto, cpu.")
    found = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(found if run.device == "auto" else run.device)


def precision_of(model: _WithNetwork) -> torch.dtype:
    """What images must be for its network: float32, or bfloat16 where it is `lowered`."""
    return next(model.network.parameters()).dtype
