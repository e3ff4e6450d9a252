"""A tiny model whose sentences end sooner or later, and the scores that open_clip itself gives of a next token."""

from pathlib import Path

import torch
from torch import Tensor

from stages.models import coca
from stages.models.coca import Coca
from tests.stages.models.tiny import PREPROCESS, run_for

IMAGES = 6


def images() -> Tensor:
    """[IMAGES, 3, 32, 32], the same every time; some almost of one colour, so that sentences differ in length."""
    dice = torch.Generator().manual_seed(3)
    noise = torch.rand(IMAGES, 3, 32, 32, generator=dice)
    return noise * torch.linspace(0.1, 1, IMAGES)[:, None, None, None]


def writer(folder: Path, *, eager: float) -> Coca:
    """The model of a folder, whose end has `eager` times the score that it had: the larger, the sooner some end."""
    model = coca.load(run_for(folder, "coca"))
    with torch.no_grad():
        model.network.text_decoder.text_projection[:, model.end] *= eager
    return model


def next_scores(model: Coca, image: Tensor, tokens: list[int]) -> Tensor:
    """[V]: by one forward pass of open_clip over one image [3, H, W] and the whole sentence, with nothing kept."""
    mean, std = (torch.tensor(PREPROCESS[name])[:, None, None] for name in ("mean", "std"))
    with torch.no_grad():
        pixels, sentence = ((image - mean) / std)[None], torch.tensor([tokens])
        return model.network(pixels, sentence, output_labels=False)["logits"][0, -1]


def rows(tokens: Tensor, model: Coca) -> list[list[int]]:
    """Each sentence of tokens [B, L], up to its end, or without the padding behind it where it has none."""
    found = []
    for row in tokens.tolist():
        cut = row[: row.index(model.end) + 1] if model.end in row else row
        found.append(cut)
        assert not any(row[len(cut) :]), "something else than padding stands behind the end"
    return found
