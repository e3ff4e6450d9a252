"""PNG files to and from float32 RGB [N, 3, H, W] in [0, 1], the one form of an image in this project."""

from collections.abc import Sequence
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps
from torch import Tensor

from stages.common.failures import UserError


def read_images(paths: Sequence[Path], size: int | None = None) -> Tensor:
    """Read pictures of one size, or bring all to one size.

    Args:
        paths: at least one file that Pillow reads.
        size: pixels. Given: the shorter side is scaled to it (bicubic), then the middle is cut out, as CLIP prepares
            its pictures. None: the pictures stay as they are and must agree in size.

    Returns:
        [N, 3, H, W] float32 in [0, 1], in the order of paths.

    Raises:
        UserError: no paths, a file that is missing or no picture, or pictures of several sizes.
    """
    if not paths:
        raise UserError("There are no images to read: the list of files is empty.")
    pictures = [read_picture(path, size) for path in paths]
    for path, picture in zip(paths, pictures, strict=True):
        if picture.size != pictures[0].size:
            raise UserError(f"{path} has {picture.size} pixels, but {paths[0]} has {pictures[0].size}.")
    stacked = numpy.stack([numpy.asarray(picture) for picture in pictures])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous().float() / 255


def read_picture(path: Path, size: int | None = None) -> Image.Image:
    """One RGB picture, turned upright by its EXIF tag; `size` as in `read_images`."""
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file).convert("RGB")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such image.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} cannot be read as an image: {error}") from error
    return picture if size is None else _squared(picture, size)


def _squared(picture: Image.Image, size: int) -> Image.Image:
    width, height = picture.size
    if (width, height) == (size, size):
        return picture
    short = min(width, height)
    scaled = picture.resize((size * width // short, size * height // short), Image.Resampling.BICUBIC)
    left, top = round((scaled.width - size) / 2), round((scaled.height - size) / 2)
    return scaled.crop((left, top, left + size, top + size))


def to_8_bit(images: Tensor) -> Tensor:
    """Images rounded to the n/255 that a PNG keeps, so that memory and disk hold the same numbers.

    Raises:
        ValueError: a value is NaN or outside [0, 1].
    """
    if not bool(((images >= 0) & (images <= 1)).all()):
        low, high = images.min().item(), images.max().item()
        raise ValueError(f"images must lie in [0, 1], but reach from {low} to {high}")
    return (images * 255).round() / 255


def write_images(folder: Path, images: Tensor) -> list[Path]:
    """Write folder/00.png, 01.png ... (as many digits as needed, at least two).

    Args:
        folder: made when missing.
        images: [N, 3, H, W] in [0, 1].

    Returns:
        The N paths, in order.

    Raises:
        ValueError: images is not [N, 3, H, W], or a value is NaN or outside [0, 1].
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images must be [N, 3, H, W], but is {list(images.shape)}")
    folder.mkdir(parents=True, exist_ok=True)
    digits = max(2, len(str(len(images) - 1)))
    pixels = (to_8_bit(images.detach().cpu().float()) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    paths = [folder / f"{index:0{digits}d}.png" for index in range(len(pixels))]
    for path, pixel in zip(paths, pixels, strict=True):
        Image.fromarray(pixel).save(path)
    return paths
