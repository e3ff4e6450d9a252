"""Many images on one, row by row."""

from PIL import Image
from torch import Tensor


def contact_sheet(images: Tensor, gap: int = 2) -> Image.Image:
    """Images side by side with white lines between them.

    Args:
        images: [rows, columns, 3, H, W] in [0, 1].
        gap: pixels between two images.
    """
    rows, columns, _, height, width = images.shape
    sheet = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), "white")
    pixels = (images * 255).round().byte().permute(0, 1, 3, 4, 2).cpu().numpy()
    for row in range(rows):
        for column in range(columns):
            sheet.paste(Image.fromarray(pixels[row, column]), (column * (width + gap), row * (height + gap)))
    return sheet
