"""Picture files: which files of a folder are pictures, and each of them as upright RGB of 8 bits a channel."""

import struct
from pathlib import Path

from PIL import Image, ImageOps

from stages.common.failures import UserError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
UNREADABLE = (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError)  # what Pillow raises


def pictures_of(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by name; [] where there is no such folder.

    Masks (*.mask.png, each beside its picture), other files and folders are left out.
    """
    return sorted(
        path
        for path in folder.glob("*")
        if path.suffix.lower() in SUFFIXES and not path.stem.endswith(".mask") and path.is_file()
    )


def read_picture(path: Path) -> Image.Image:
    """One picture in mode RGB, turned upright by its EXIF tag.

    Greyscale of 16 bits becomes 8 by a factor of 1/257, so that 65535 is white; Pillow alone makes all above 255 white.
    Transparency is dropped.

    Raises:
        UserError: no such file, no picture, a broken or a far too large one, or grey levels of 32 bits (Pillow's modes
            I and F), of which nothing says how much is white.
    """
    try:
        return _decoded(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such image.") from None
    except UNREADABLE as error:
        raise UserError(f"{path} cannot be read as an image: {_reason(error)}") from error


def fault(path: Path) -> str | None:
    """Why `read_picture` refuses a file, None when it does not; quicker than to read it, where it is a JPEG."""
    try:
        _decoded(path, is_draft=True)
    except UNREADABLE as error:
        return _reason(error)
    return None


def _decoded(path: Path, *, is_draft: bool = False) -> Image.Image:
    with Image.open(path) as file:
        if is_draft:
            file.draft("RGB", (64, 64))  # a JPEG is then decoded at an eighth of its size, several times faster
        return _as_rgb(ImageOps.exif_transpose(file))


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
    return str(error) or type(error).__name__
