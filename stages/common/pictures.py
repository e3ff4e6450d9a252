"""Pictures of a benchmark as tensors, decoded once for all checkpoints where memory allows."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image
from torch import Tensor

from stages.common.images import Fit, read_images
from stages.common.picture_files import read_picture

AT_ONCE = 256  # pictures read in one go
MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # bytes of this machine
KEPT_BYTES = min(8_000_000_000, MEMORY // 4)  # decoded pictures up to this stay in memory; ImageNet's take 7.5 GB


class Pictures:
    """Files read as [n, 3, size, size] in [0, 1], AT_ONCE at a time; go through them as often as needed.

    Args:
        paths: the files; read here and now where all of them fit into KEPT_BYTES.
        fit: the model's own way to a square.
        read: how one of them becomes a picture.
    """

    def __init__(self, paths: tuple[Path, ...], fit: Fit, read: Callable[[Path], Image.Image] = read_picture) -> None:
        parts = [paths[i : i + AT_ONCE] for i in range(0, len(paths), AT_ONCE)]
        self._fit, self._read = fit, read
        self._parts: list[tuple[Path, ...] | Tensor] = parts
        if len(paths) * fit.size**2 * 3 <= KEPT_BYTES:  # n/255 are kept as n, a byte each
            self._parts = [(read_images(part, fit, read) * 255).round().byte() for part in parts]

    def __iter__(self) -> Iterator[Tensor]:
        for part in self._parts:
            yield part.float() / 255 if isinstance(part, Tensor) else read_images(part, self._fit, self._read)
