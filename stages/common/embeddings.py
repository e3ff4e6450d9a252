"""Embeddings of images beside those of classes, for every family of two encoders."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

BATCH = 64  # images embedded at once by `similarity`
Classes = Sequence[str | Sequence[str]]
"""Each is asked for by one prompt or by several, an ensemble."""


class _Embedding(Protocol):
    """What is asked of a model here; stages/models/contract.py has the rest."""

    def embed_texts(self, texts: list[str]) -> Tensor: ...

    def embed_classes(self, classes: Classes) -> Tensor: ...

    def embed_images(self, images: Tensor) -> Tensor: ...


def class_rows(model: _Embedding, classes: Classes, combine: Callable[[Tensor], Tensor]) -> Tensor:
    """Rows [K, D] of classes; `combine` brings the embeddings [n, D] of an ensemble of n > 1 prompts to one row [D]."""
    groups = [[one] if isinstance(one, str) else list(one) for one in classes]
    embedded = model.embed_texts([prompt for group in groups for prompt in group])
    if len(embedded) == len(groups):  # no ensemble: to take a thousand rows apart costs as much as a step of teaching
        return embedded
    parts = embedded.split([len(group) for group in groups])
    return torch.stack([part[0] if len(part) == 1 else combine(part) for part in parts])


def similarity(model: _Embedding, images: Tensor, classes: Classes) -> Tensor:
    """Embeddings of images times rows of classes: [N, K] on the CPU, in batches, without gradient."""
    with torch.inference_mode():
        rows = model.embed_classes(classes).T
        return torch.cat([(model.embed_images(part) @ rows).cpu() for part in images.split(BATCH)])
