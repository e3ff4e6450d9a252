"""Picture files: which files of a folder are pictures, and each of them as upright RGB of 8 bits a channel."""

import itertools
import os
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

from stages.common.failures import UserError
from stages.common.paths import slug

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
MASKS = tuple(f".mask{suffix}" for suffix in SUFFIXES)
NOTES = (".json", ".jsonl")  # what is known about pictures, beside them: scenes.jsonl of the drawn world
LEFT_BY_SYSTEMS = frozenset({"desktop.ini", "thumbs.db"})
UNREADABLE = (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError)  # what Pillow raises
AT_ONCE = 64  # pictures that a thread looks at before it asks for more


def class_folders(root: Path) -> list[Path]:
    """The folders of a root that holds one for each class, sorted by name; hidden ones are passed over.

    Raises:
        UserError: there is no such root, it holds no folder, or two folders give one class name (`paths.slug`).
    """
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder. Put one folder for each class there, with its pictures.")
    named: dict[str, Path] = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        same = named.setdefault(slug(folder.name), folder)
        if same != folder:
            raise UserError(f"{root}: the folders {same.name!r} and {folder.name!r} read as one class. Join them.")
    if not named:
        raise UserError(f"{root} holds no folders. Put one folder for each class there, with its pictures.")
    return list(named.values())


def pictures_and_others(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder, and what else lies there and should not; both sorted by name.

    What has its place beside pictures is in neither: hidden files, masks (*.mask.png and other suffixes), notes
    (*.json, *.jsonl), and what systems leave behind (Thumbs.db, desktop.ini).
    """
    pictures, others = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name.lower()
            if not _belongs_beside(name):
                is_picture = name.endswith(SUFFIXES) and entry.is_file()
                (pictures if is_picture else others).append(entry.name)
    return [folder / name for name in sorted(pictures)], [folder / name for name in sorted(others)]


def _belongs_beside(name: str) -> bool:
    return name.startswith(".") or name.endswith((*MASKS, *NOTES)) or name in LEFT_BY_SYSTEMS


def pictures_of(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by name; [] where there is no such folder.

    Masks (*.mask.png, each beside its picture), hidden files, other files and folders are left out.
    """
    return pictures_and_others(folder)[0] if folder.is_dir() else []


def read_picture(path: Path, content: BinaryIO | None = None) -> Image.Image:
    """One picture in mode RGB, turned upright by its EXIF tag.

    Greyscale of 16 bits becomes 8 by a factor of 1/257, so that 65535 is white; Pillow alone makes all above 255 white.
    Transparency is dropped.

    Args:
        path: the file.
        content: its bytes, where `path` is no file on disk but a member of an archive.

    Raises:
        UserError: no such file, no picture, a broken or a far too large one, or grey levels of 32 bits (Pillow's modes
            I and F), of which nothing says how much is white.
    """
    try:
        return _decoded(content or path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such image.") from None
    except UNREADABLE as error:
        raise UserError(f"{path} cannot be read as an image: {_reason(error)}") from error


def fault(path: Path, content: BinaryIO | None = None) -> str | None:
    """Why `read_picture` refuses a file, None when it does not; quicker than to read it, where it is a JPEG."""
    try:
        _decoded(content or path, is_draft=True)
    except UNREADABLE as error:
        return _reason(error)
    return None


def faults_of(paths: Sequence[Path], fault: Callable[[Path], str | None] = fault) -> list[str | None]:
    """`fault` of each file, in order; many files at once, since Pillow decodes in parallel with threads.

    Time: on one core 1.5 ms for a photograph of 500 x 375 pixels (90 kB), 0.3 ms for a very small one.
    """
    parts = [paths[start : start + AT_ONCE] for start in range(0, len(paths), AT_ONCE)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None) as threads:
        return list(itertools.chain.from_iterable(threads.map(lambda part: [fault(path) for path in part], parts)))


def _decoded(file: Path | BinaryIO, *, is_draft: bool = False) -> Image.Image:
    with Image.open(file) as opened:
        if is_draft:
            opened.draft("RGB", (64, 64))  # a JPEG is then decoded at an eighth of its size, several times faster
        return _as_rgb(ImageOps.exif_transpose(opened))


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I", "F"):
        raise ValueError(
            f"its grey levels are 32-bit numbers (mode {picture.mode}), of which nothing says how much is white. "
            "Scale it to 8 or 16 bits and save it again."
        )
    if picture.mode.startswith("I;16"):
        picture.info.pop("transparency", None)  # a level of 16 bits, which the picture of 8 bits could not hold
        picture = picture.convert("I").point(lambda level: level / 257 + 0.5).convert("L")
    return picture.convert("RGB")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # Pillow's own words hold the address of an open file
        return "it is empty, broken off at its beginning, or no picture in a format that Pillow knows"
    return str(error) or type(error).__name__
