"""DICOM files: a slice of CT as Hounsfield units, an X-ray as grey levels of 8 bits."""

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.common.failures import UserError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

BROKEN = (AttributeError, EOFError, KeyError, NotImplementedError, OSError, RuntimeError, TypeError, ValueError)


def hounsfield(path: Path) -> np.ndarray:
    """A slice in Hounsfield units, float32 [H, W]: rescaled as the file's own slope and intercept say.

    Where one of them is missing or empty it is 1 or 0.

    Raises:
        UserError: it cannot be read, or its slope or intercept is no number.
    """
    file, stored = _opened(path)
    try:
        slope, intercept = _number(file, "RescaleSlope", usual=1), _number(file, "RescaleIntercept", usual=0)
    except BROKEN as error:
        raise _unreadable(path, error) from error
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def windowed(units: np.ndarray, level: float, width: float) -> np.ndarray:
    """Units as uint8 of the same shape: black up to level - width/2, white from level + width/2 on."""
    grey = (units - (level - width / 2)) * (255 / width)
    return (np.clip(grey, 0, 255) + 0.5).astype(np.uint8)


def xray(path: Path) -> np.ndarray:
    """An X-ray with bone white, uint8 [H, W]; levels of more bits than 8 are brought to 8 by their full range.

    Files whose lowest level is white (MONOCHROME1) are turned round.

    Raises:
        UserError: it cannot be read.
    """
    file, stored = _opened(path)
    white = 2 ** int(file.BitsStored) - 1
    grey = np.clip(stored, 0, white).astype(np.float32) * (255 / white)
    grey = 255 - grey if file.PhotometricInterpretation == "MONOCHROME1" else grey
    return (grey + 0.5).astype(np.uint8)


def size(path: Path) -> tuple[int, int]:
    """Rows and columns, out of the head of the file.

    Raises:
        UserError: it cannot be read.
    """
    file = _head(path, stop_before_pixels=True)
    try:
        return int(file.Rows), int(file.Columns)
    except BROKEN as error:
        raise _unreadable(path, error) from error


def _number(file: "Dataset", name: str, usual: float) -> float:
    value = file.get(name)
    return usual if value is None or value == "" else float(value)


def _opened(path: Path) -> tuple["Dataset", np.ndarray]:
    file = _head(path)
    try:
        stored = file.pixel_array
        if stored.ndim != 2:
            raise ValueError(f"its pixels have the shape {stored.shape}, which is no single grey picture")
    except (*BROKEN, struct.error) as error:
        raise _unreadable(path, error) from error
    return file, stored


def _head(path: Path, *, stop_before_pixels: bool = False) -> "Dataset":
    from pydicom import dcmread  # takes half a second, and only some benchmarks need it
    from pydicom.errors import InvalidDicomError

    try:
        return dcmread(path, stop_before_pixels=stop_before_pixels)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such image.") from None
    except InvalidDicomError:
        raise UserError(f"{path} cannot be read as DICOM: it does not begin as such a file.") from None
    except (*BROKEN, struct.error) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UserError:
    said = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{path} cannot be read as DICOM: {said.rstrip('.')}.")
