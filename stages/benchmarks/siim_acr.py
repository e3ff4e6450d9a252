"""SIIM-ACR Pneumothorax: chest X-rays with the outline of air beside the lung.

What it shows: is a pneumothorax found in an X-ray? Of the paper's Tables 4 and 7 the columns "Lung Pneumothorax".
Paper:         Zawacki et al., SIIM-ACR Pneumothorax Segmentation, Kaggle 2019.
Source:        https://www.kaggle.com/c/siim-acr-pneumothorax-segmentation; the files themselves were withdrawn there,
               and are at https://www.kaggle.com/datasets/seesee/siim-train-test and other mirrors.
Licence:       that of the challenge: non-commercial, research; the X-rays are of the NIH's ChestX-ray14.
How to get it: with a Kaggle account, download and unpack it; the folder `siim` of the mirror is ROOT.
Layout:        X-rays in folders as you like, hidden ones are passed over:

    ROOT/
    |-- train-rle.csv                    ImageId, EncodedPixels; or stage_2_train.csv
    `-- dicom-images-train/
        `-- <study>/<series>/<ImageId>.dcm

    The list has a row for each outline, so that an X-ray may have several: together they are its mask. "-1" is an X-ray
    without a pneumothorax; those are counted and left out, and their files not looked at. EncodedPixels are pairs of
    numbers: how many pixels to go on from the end of the last run, and how long the next run is, down each column, the
    left one first, over as many rows and columns as the X-ray itself has (1,024). Columns of the list may begin with a
    blank, as they do in the original. X-rays that are not listed are not asked for, and no faults; those that are
    listed and not there are, and so are outlines that do not fit.
n:             about 2,400 X-rays with a pneumothorax of 10,675 in the first list, 2,669 of 12,047 in the second.
Classes:       none are named: every mask shows a pneumothorax.
Chance:        none can be said. To call the whole X-ray one gives a Dice of 2a / (1 + a), if it covers a share a of the
               picture.
Differs:       the paper considers 500 pictures and does not say which. `segmentation: {pictures: 500}` of a run draws
               so many by lot.
"""

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from stages.common import dicom
from stages.common.failures import UserError
from stages.common.faults import absent
from stages.common.masked import Masked, MaskListing, checked

TASK = "segmentation"
LISTS = ("train-rle.csv", "stage_2_train.csv")  # the first that is there
NOTHING = "-1"


def load(root: Path, classes: list[str] | None = None) -> Masked:
    """Finds the X-rays with an outline and looks at every one once.

    Args:
        root: a folder in the layout above.
        classes: not used here, no class is named.

    Raises:
        UserError: root or its list is missing, the list has another form, or no X-ray can be used.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None = None) -> MaskListing:
    """`load` without a look into the X-rays."""
    outlines, files = _outlines(_list(root)), _files(root)
    wanted = {image: runs for image, runs in sorted(outlines.items()) if runs}
    missing = [f"{image}.dcm" for image in wanted if image not in files]
    there = {files[image]: runs for image, runs in wanted.items() if image in files}
    negatives = len(outlines) - len(wanted)
    mask = Outlines(there)
    return MaskListing(root, "siim_acr", {"": [*there]}, absent(missing), read=read, mask=mask, negatives=negatives)


def read(path: Path) -> Image.Image:
    """One X-ray in mode RGB with 8 bits a channel, bone white.

    Raises:
        UserError: it cannot be read.
    """
    return Image.fromarray(dicom.xray(path)).convert("RGB")


@dataclass(frozen=True)
class Outlines:
    """Masks as the list has them; may be pickled.

    Attributes:
        runs: X-ray -> its outlines, each as EncodedPixels has it.
    """

    runs: Mapping[Path, tuple[str, ...]]

    def __call__(self, path: Path) -> np.ndarray:
        """Where any outline of an X-ray is, bool [H, W].

        Raises:
            UserError: the X-ray cannot be read, or an outline does not fit it.
        """
        rows, columns = dicom.size(path)
        try:
            return np.logical_or.reduce([decoded(text, rows, columns) for text in self.runs[path]])
        except ValueError as error:
            raise UserError(f"{path}: its outline in the list cannot be read: {error}.") from error


def decoded(text: str, rows: int, columns: int) -> np.ndarray:
    """The pixels that relative runs name, bool [rows, columns]: "2 3 1 1" in 4 rows are 2, 3, 4 and 6, down columns.

    Raises:
        ValueError: it holds no pairs of whole numbers from 0, or runs over the end.
    """
    numbers = np.array(text.split(), np.int64)
    if len(numbers) % 2 or (numbers < 0).any():
        raise ValueError("it holds no pairs of whole numbers from 0 on")
    ends = np.cumsum(numbers)  # of each gap, and of each run behind it
    if len(ends) and ends[-1] > rows * columns:
        raise ValueError(f"it ends at pixel {ends[-1]} of {rows * columns}")
    flat = np.repeat(np.arange(len(numbers)) % 2 == 1, numbers)
    whole = np.zeros(rows * columns, bool)
    whole[: len(flat)] = flat
    return whole.reshape(columns, rows).T


def _list(root: Path) -> Path:
    for name in LISTS:
        if (root / name).is_file():
            return root / name
    what = f" holds no {LISTS[0]}" if root.is_dir() else ": there is no such folder"
    raise UserError(f"{root}{what}. Put the list and the X-rays, dicom-images-train/, there.")


def _files(root: Path) -> dict[str, Path]:
    """X-rays by their name without suffix."""
    found: dict[str, Path] = {}
    for folder, inside, names in os.walk(root, followlinks=True):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(".dcm") and not name.startswith("."):
                found.setdefault(Path(name).stem, Path(folder, name))
    return found


def _outlines(path: Path) -> dict[str, tuple[str, ...]]:
    """Image -> its outlines; () where it has none."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file, skipinitialspace=True)
        if lacking := {"ImageId", "EncodedPixels"} - {name.strip() for name in table.fieldnames or ()}:
            raise UserError(f"{path} has no column {' and no '.join(sorted(lacking))}. Download it again.")
        table.fieldnames = [name.strip() for name in table.fieldnames]
        found: dict[str, tuple[str, ...]] = {}
        for row in table:
            image, runs = row["ImageId"].strip(), (row["EncodedPixels"] or "").strip()
            found[image] = (*found.get(image, ()), *([runs] if runs not in ("", NOTHING) else []))
    return found
