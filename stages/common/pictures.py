"""Pictures of a benchmark as tensors, decoded once for all checkpoints where memory allows."""

from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image
from torch import Tensor

from stages.common.images import Fit, read_images
from stages.common.picture_files import read_picture

AT_ONCE = 256  # pictures read in one go
KEPT_BYTES = 2_000_000_000  # decoded pictures up to this many bytes stay in memory


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
        if len(paths) * fit.size**2 * 3 * 4 <= KEPT_BYTES:
            self._parts = [read_images(part, fit, read) for part in parts]

    def __iter__(self) -> Iterator[Tensor]:
        for part in self._parts:
            yield part if isinstance(part, Tensor) else read_images(part, self._fit, self._read)
