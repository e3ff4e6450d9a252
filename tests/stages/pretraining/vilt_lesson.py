"""A small corpus, and a teacher that sees at random: what the tests of the tiny ViLT's phases share."""

from dataclasses import replace

import torch
import torch.nn.functional as F

from stages.pretraining import vilt, vilt_pairs, vilt_sight

SMALL = vilt.Settings(
    known=1,
    named=0,
    scenes=30,
    captions=2,
    words=400,
    sight=replace(vilt_sight.Settings(), steps=2, batch=8),
    pairs=replace(vilt_pairs.Settings(), steps=2, batch=8, mismatched=4),
)


class Teacher:
    """In place of the tiny CLIP: random, but the same for the same pictures and texts."""

    def __init__(self, model=None):
        self.mixed = torch.randn(3, 128 + 128 + 256, generator=torch.Generator().manual_seed(0))

    def look(self, images):
        seen, second, third = (F.adaptive_avg_pool2d(images, 6).permute(0, 2, 3, 1) @ self.mixed).split(
            (128, 128, 256), 3
        )
        maps = second.permute(0, 3, 1, 2), F.avg_pool2d(third.permute(0, 3, 1, 2), 2)
        return F.normalize(seen.mean((1, 2)), dim=1), *maps

    def embed_pictures(self, pictures):
        return self.look(pictures.permute(0, 3, 1, 2).float() / 255)[0]

    def embed_texts(self, texts):
        rows = [
            torch.randn(128, generator=torch.Generator().manual_seed(len(text) * 256 + ord(text[-1]))) for text in texts
        ]
        return F.normalize(torch.stack(rows), dim=1)
