"""Pictures of a benchmark as tensors, decoded once for all checkpoints where memory allows."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from stages.common.images import LONGEST, Fit, as_images, read_bytes
from stages.common.picture_files import read_picture

AT_ONCE = 256  # pictures read in one go
MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # bytes of this machine
KEPT_BYTES = min(8_000_000_000, MEMORY // 4)  # decoded pictures up to this stay in memory; ImageNet's take 7.5 GB


class Pictures:
    """Files read as images in [0, 1]; go through them as often as needed.

    Args:
        paths: the files; read here and now where all of them fit into KEPT_BYTES.
        fit: the model's own way to its size.
        read: how one of them becomes a picture.

    Attributes:
        fit: as given.
    """

    def __init__(self, paths: tuple[Path, ...], fit: Fit, read: Callable[[Path], Image.Image] = read_picture) -> None:
        self._paths, self.fit, self._read = paths, fit, read
        self._kept: list[Tensor] | None = None
        if len(paths) * fit.size**2 * 3 * (LONGEST if fit.patch else 1) <= KEPT_BYTES:  # a byte for each n/255
            parts = (paths[begin : begin + AT_ONCE] for begin in range(0, len(paths), AT_ONCE))
            self._kept = [picture for part in parts for picture in read_bytes(part, fit, read)]

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Tensor]:
        """[n, 3, size, size], AT_ONCE at a time; for a fit that makes all pictures alike in shape."""
        for begin in range(0, len(self), AT_ONCE):
            yield as_images(torch.stack(self._bytes(begin, begin + AT_ONCE)))

    def each(self, begin: int, end: int) -> Iterator[Tensor]:
        """Pictures number `begin` to before `end`, one by one, [1, 3, H, W] of their own shape."""
        return (as_images(picture[None]) for picture in self._bytes(begin, end))

    def _bytes(self, begin: int, end: int) -> list[Tensor]:
        if self._kept is not None:
            return self._kept[begin:end]
        return read_bytes(self._paths[begin:end], self.fit, self._read)
