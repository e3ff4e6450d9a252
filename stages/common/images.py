"""Picture files to and from float32 RGB [N, 3, H, W] in [0, 1], the one form of an image in this project."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stages.common.failures import UserError
from stages.common.picture_files import read_picture

RESIZE_MODES = ("shortest", "longest", "squash", "pad")
LONGEST = 1333 / 800  # of a picture that keeps its shape, the longer side over the shorter, at most
RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True)
class Fit:
    """How a model wants its pictures: the way from any shape to its square. Words and defaults are open_clip's.

    Attributes:
        size: pixels of a side; of the shorter one where `patch` lets a picture keep its shape.
        resize_mode: "shortest" scales the shorter side to `size` and cuts out the middle; "longest" scales the longer
            side to `size` and fills up to a square; "squash" scales both sides to `size`, so that a wide picture
            becomes narrow. Ours is "pad": fills up to a square first, then scales, as MedCLIP has it.
        interpolation: "bicubic" or "bilinear".
        fill: grey of what "longest" and "pad" add, 0 for black to 255 for white.
        patch: above 0 a picture keeps its shape: its shorter side becomes `size`, the longer at most LONGEST times
            that, and both whole patches of so many pixels, all rounded as ViLT's image processor does it.

    Raises:
        ValueError: another word, or a fill outside 0 to 255.
    """

    size: int
    resize_mode: str = "shortest"
    interpolation: str = "bicubic"
    fill: int = 0
    patch: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("resize_mode", RESIZE_MODES), ("interpolation", tuple(RESAMPLING))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}, but must be one of: {', '.join(allowed)}")
        if self.fill not in range(256):
            raise ValueError(f"fill is {self.fill!r}, but must be a whole number from 0 to 255")

    def scaled(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels before the cut or the filling; open_clip rounds down, or for "longest" rounds."""
        if self.patch:
            sides = [side * (self.size / min(width, height)) for side in (width, height)]
            scale = min(1, int(LONGEST * self.size) / max(sides))
            return tuple(max(1, int(side * scale + 0.5) // self.patch) * self.patch for side in sides)
        if self.resize_mode == "longest":
            ratio = max(width, height) / self.size
            return max(1, round(width / ratio)), max(1, round(height / ratio))
        if self.resize_mode == "shortest":
            return self.size * width // min(width, height), self.size * height // min(width, height)
        return self.size, self.size


def _middle(side: int, size: int) -> int:
    """Where the middle `size` pixels of `side` begin; open_clip rounds one way to cut and the other to fill."""
    return round((side - size) / 2) if side >= size else -((size - side) // 2)


def read_images(
    paths: Sequence[Path], fit: Fit | None = None, read: Callable[[Path], Image.Image] = read_picture
) -> Tensor:
    """Read pictures of one size, or bring all to one size.

    Args:
        paths: at least one file that Pillow reads.
        fit: the model's own, to bring all pictures to its square. None: they stay as they are and must agree in size.
        read: how a file becomes a picture.

    Returns:
        [N, 3, H, W] float32 in [0, 1], in the order of paths.

    Raises:
        UserError: no paths, a file that is missing or no picture, or pictures of several sizes.
    """
    if not paths:
        raise UserError("There are no images to read: the list of files is empty.")
    pictures = read_bytes(paths, fit, read)
    for path, picture in zip(paths, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            sizes = [(one.shape[1], one.shape[0]) for one in (picture, pictures[0])]
            raise UserError(f"{path} has {sizes[0]} pixels, but {paths[0]} has {sizes[1]}.")
    return as_images(torch.stack(pictures))


def read_bytes(paths: Sequence[Path], fit: Fit | None, read: Callable[[Path], Image.Image]) -> list[Tensor]:
    """Pictures as uint8 [H, W, 3], each of the shape that the fit gives it, in the order of paths."""
    with ThreadPoolExecutor() as pool:  # Pillow decodes and resizes without holding Python's lock
        pictures = list(pool.map(lambda path: _fitted(read(path), fit), paths))
    return [torch.from_numpy(numpy.array(picture)) for picture in pictures]


def as_images(pictures: Tensor) -> Tensor:
    """Pictures, uint8 [N, H, W, 3], as images [N, 3, H, W] in [0, 1]."""
    return pictures.permute(0, 3, 1, 2).contiguous().float() / 255


def _fitted(picture: Image.Image, fit: Fit | None) -> Image.Image:
    return picture if fit is None else fit_picture(picture, fit)


def fit_picture(picture: Image.Image, fit: Fit) -> Image.Image:
    """A picture as a square of fit.size, or in its own shape, pixel by pixel as its model's library prepares it."""
    if fit.patch:
        return picture.resize(fit.scaled(*picture.size), RESAMPLING[fit.interpolation])
    if fit.resize_mode == "pad":
        picture = _square(picture, max(picture.size), fit.fill)
    return _square(picture.resize(fit.scaled(*picture.size), RESAMPLING[fit.interpolation]), fit.size, fit.fill)


def _square(picture: Image.Image, side: int, fill: int) -> Image.Image:
    """The middle of a picture, filled up where it is smaller."""
    left, top = (_middle(own, side) for own in picture.size)
    if picture.width >= side and picture.height >= side:
        return picture.crop((left, top, left + side, top + side))
    canvas = Image.new("RGB", (side, side), (fill, fill, fill))
    canvas.paste(picture, (-left, -top))
    return canvas


def fit_images(images: Tensor, fit: Fit) -> Tensor:
    """Images [B, 3, H, W] in [0, 1] as [B, 3, size, size], differentiable; up to rounding what `fit_picture` gives."""
    height, width = images.shape[-2:]
    if height == width == fit.size:
        return images
    if fit.resize_mode == "pad":
        images = _square_tensor(images, max(width, height), fit.fill)
    wide, high = fit.scaled(width, height)
    scaled = F.interpolate(images, (high, wide), mode=fit.interpolation, align_corners=False, antialias=True)
    return _square_tensor(scaled.clamp(0, 1), fit.size, fit.fill)


def _square_tensor(images: Tensor, side: int, fill: int) -> Tensor:
    """`_square` of images [B, 3, H, W]; filling by a negative number of pixels cuts."""
    high, wide = images.shape[-2:]
    left, top = _middle(wide, side), _middle(high, side)
    return F.pad(images, (-left, left + side - wide, -top, top + side - high), value=fill / 255)


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
