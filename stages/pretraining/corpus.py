"""What the tiny models learn from: drawn pictures and their sentences, kept in memory."""

from functools import partial
from multiprocessing import get_context
from random import Random

import numpy as np
import torch
from torch import Tensor

from stages.common.progress import progress
from stages.world.corpus import examples

PIECE = 1000  # pictures that are drawn from one source of chance


def drawn(plan: list[tuple[str, str]], captions: int, seed: int, workers: int) -> tuple[Tensor, list[str]]:
    """Draw all pictures of a plan in `workers` processes; the result does not depend on how many.

    Args:
        plan: as `stages.world.corpus.kinds` makes it.
        captions: sentences for each picture.
        seed: of everything.
        workers: processes.

    Returns:
        uint8 [N, IMAGE_PX, IMAGE_PX, 3], and N x captions sentences, those of one picture after each other.
    """
    pieces = [(seed, start, plan[start : start + PIECE]) for start in range(0, len(plan), PIECE)]
    with get_context("fork").Pool(workers) as pool:
        found = pool.imap(partial(_draw_piece, captions=captions), pieces)
        parts = [part for _, part in zip(progress(pieces, "draw the corpus"), found, strict=True)]
    pictures, sentences = zip(*parts, strict=True)
    return torch.from_numpy(np.concatenate(pictures)), [sentence for part in sentences for sentence in part]


def _draw_piece(piece: tuple[int, int, list[tuple[str, str]]], captions: int) -> tuple[np.ndarray, list[str]]:
    seed, start, plan = piece
    found = list(examples(plan, captions, Random(f"corpus {seed} {start}")))
    sentences = [sentence for example in found for sentence in example.captions]
    return np.stack([example.drawing.pixels for example in found]), sentences


def augmented(pictures: Tensor, chance: torch.Generator, mean: float, std: float) -> Tensor:
    """Moved, mirrored, with other contrast and tint, and normalised: `tinted` of what `moved` gives."""
    return tinted(moved(pictures, chance), chance, mean, std)


def moved(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """Pictures uint8 [B, H, W, 3] -> [B, 3, H, W] in [0, 1], the whole batch moved by up to 3 pixels, or mirrored."""
    x = pictures.permute(0, 3, 1, 2).float() / 255
    down, right, mirror = torch.randint(-3, 4, (3,), generator=chance).tolist()
    x = torch.roll(x, (down, right), (2, 3))
    return x.flip(3) if mirror > 0 else x


def tinted(x: Tensor, chance: torch.Generator, mean: float, std: float) -> Tensor:
    """Each image with a contrast and a tint of its own, and normalised.

    Args:
        x: [B, 3, H, W], in [0, 1].
        chance: of what is done.
        mean: of pixels in [0, 1], all channels alike.
        std: the same.
    """
    contrast = 1 + 0.2 * torch.randn(len(x), 1, 1, 1, generator=chance).to(x.device)
    tint = 0.06 * torch.randn(len(x), 3, 1, 1, generator=chance).to(x.device)
    return (((x - 0.5) * contrast + 0.5 + tint) - mean) / std
