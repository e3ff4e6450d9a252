"""Pictures of the gallery: small enough for one page, small ones untouched."""

from PIL import Image

SIDE = 128  # pixels: the tiny model's images stay as they are, photographs shrink


def thumbnails(pictures: list[Image.Image]) -> list[Image.Image]:
    """RGB copies of the pictures, at most `SIDE` pixels on their longer side, never enlarged."""
    return [_thumbnail(picture) for picture in pictures]


def _thumbnail(picture: Image.Image) -> Image.Image:
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return small
