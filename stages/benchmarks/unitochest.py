"""UnitoChest: slices of chest CT with lung nodules and their outlines.

What it shows: is a nodule found in a slice of the lung? Of the paper's Tables 4 and 7 the columns "Lung Nodules".
Paper:         Chaudhry et al., UniToChest, ICIAP 2022, 185-196.
Source:        https://zenodo.org/records/5797912 (715 scans of 623 patients, 306,440 slices)
Licence:       see the record; it was not seen here.
How to get it: download and unpack it; the test split alone is enough.
Layout:

    ROOT/
    `-- test/                            or val/ or train/, where there is no test/
        |-- test_dataset.csv             image,mask,patientID,exam,slice, ...
        |-- images/
        |   `-- ...                      DICOM
        `-- masks/
            `-- ...                      PNG, not black on nodules

    In a row of the list `image` is named from images/ on, `mask` from masks/ on, or empty where no nodule is seen. A
    slice may have several rows: its masks together are its mask. Slices without any mask are counted and left out,
    their files not looked at. The object is wherever a mask is not black. A slice or mask that is listed and not there,
    or cannot be read, is a fault.
    Slices become Hounsfield units by their own slope and intercept, and 8 bits by the window of the lung: level -600,
    width 1,500, so that -1,350 and below are black and 150 and above white.
n:             4,179 slices with a nodule, by the paper.
Classes:       none are named: every mask shows lung nodules, all of a slice together.
Chance:        none can be said. To call the whole slice a nodule gives a Dice of 2a / (1 + a), if nodules cover a share
               a of the slice.
Differs:       the paper speaks of 4,179 slices and of no split. The test split, 63 patients, fits that number; it is
               what is asked here. Where only another split lies there, the name says so, "unitochest val".
Differs:       the paper does not state its window.
"""

import csv
from pathlib import Path, PurePosixPath

from PIL import Image

from stages.common import dicom
from stages.common.failures import UserError
from stages.common.faults import absent, spelt
from stages.common.masked import Masked, MaskFiles, MaskListing, above_zero, checked

TASK = "segmentation"
SPLITS = ("test", "val", "train")  # the first that is there
LEVEL, WIDTH = -600.0, 1500.0  # Hounsfield units


def load(root: Path, classes: list[str] | None = None) -> Masked:
    """Finds the slices with a mask and looks at every one once.

    Args:
        root: a folder in the layout above.
        classes: not used here, no class is named.

    Raises:
        UserError: root or its list is missing, the list has another form, or no slice can be used.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None = None) -> MaskListing:
    """`load` without a look into the slices."""
    split = _split(root)
    home = root / split
    drawn = _drawn(home / f"{split}_dataset.csv")
    files = {home / "images" / image: tuple(home / "masks" / mask for mask in own) for image, own in drawn.items()}
    wanted = {image: own for image, own in files.items() if own}
    absentees = {image: [path for path in (image, *own) if not path.is_file()] for image, own in wanted.items()}
    missing = [spelt(root, path) for paths in absentees.values() for path in paths]
    there = {image: own for image, own in wanted.items() if not absentees[image]}
    name = "unitochest" if split == SPLITS[0] else f"unitochest {split}"
    masks, negatives = MaskFiles(there, above_zero), len(files) - len(wanted)
    return MaskListing(root, name, {"": [*there]}, absent(missing), read=read, mask=masks, negatives=negatives)


def read(path: Path) -> Image.Image:
    """One slice in mode RGB with 8 bits a channel, through the window of the lung.

    Raises:
        UserError: it cannot be read.
    """
    return Image.fromarray(dicom.windowed(dicom.hounsfield(path), LEVEL, WIDTH)).convert("RGB")


def _split(root: Path) -> str:
    for split in SPLITS:
        if (root / split / f"{split}_dataset.csv").is_file():
            return split
    what = " holds no test/test_dataset.csv" if root.is_dir() else ": there is no such folder"
    raise UserError(f"{root}{what}. Put test/ of UnitoChest there, with its list, images/ and masks/.")


def _drawn(path: Path) -> dict[PurePosixPath, list[PurePosixPath]]:
    """Image -> its masks of all rows, none where no row names one; both sorted."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        if lacking := {"image", "mask"} - set(table.fieldnames or ()):
            raise UserError(f"{path} has no column {' and no '.join(sorted(lacking))}. Download it again.")
        rows = [((row["image"] or "").strip(), (row["mask"] or "").strip()) for row in table]
    for name in {name for row in rows for name in row}:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise UserError(f"{path}: {name!r} lies outside of {path.parent}. Download it again.")
    found: dict[PurePosixPath, set[PurePosixPath]] = {}
    for image, mask in sorted(rows):
        if image:
            own = found.setdefault(PurePosixPath(image), set())
            own |= {PurePosixPath(mask)} if mask and mask.lower() != "nan" else set()
    return {image: sorted(own) for image, own in found.items()}
