"""Pictures and masks in folders: segmentation of pictures of your own.

What it shows: is what a text names found in a picture, and drawn round?
Source:        you. The folders of MedCLIP-SAMv2's public code have the third form.
Licence:       that of the pictures.
Layout:        one of

    ROOT/                       ROOT/                            ROOT/
    |-- images/                 |-- moongate/                    |-- test_images/
    |   `-- garden.jpg          |   |-- images/garden.jpg        |   `-- 000.png
    `-- masks/                  |   `-- masks/garden.png         `-- test_masks/
        `-- garden.png          `-- traffic_light/                   `-- 000.png
                                    |-- images/000.webp
                                    `-- masks/000.png

    In the second a folder is a class, underscores read as spaces; in the others all masks show one thing, which has no
    name here. Of the third the folders of training and validation are not looked at. A mask belongs to the picture that
    is called as it is, up to the suffix. A picture or mask ends in .bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff or .webp.
    A mask has the size of its picture. In a mask of black and one other level the object is where the other is, however
    dark; of more levels, where it is above half of white, over 127 of 255. JPEG blurs the edge of a mask: use PNG.
    A picture without a mask, a mask without a picture, one of another size, one that is transparent in places, one that
    is not black and yet nowhere above half of white, and whatever cannot be read are faults. A picture whose mask is
    black is counted and left out.
n, classes:    what lies there.
Chance:        none can be said. To call the whole picture the object gives a Dice of 2a / (1 + a), if it covers a share
               a of the picture.
Differs:       the paper names no such set; see unitochest.py, udiat.py, siim_acr.py and brats23_glioma.py.
"""

from pathlib import Path

from stages.benchmarks.contract import asked
from stages.common import picture_files
from stages.common.failures import UserError
from stages.common.faults import Fault, spelt
from stages.common.masked import Masked, MaskFiles, MaskListing, checked, paired

TASK = "segmentation"
PAIR = ("images", "masks")
UNNAMED = (PAIR, ("test_images", "test_masks"))  # the second as MedCLIP-SAMv2 has it
WHERE = (
    "Put images/ and masks/ there, or a folder for each class with these two in it, or test_images/ and test_masks/."
)


def load(root: Path, classes: list[str] | None = None) -> Masked:
    """Finds the pictures and masks and looks at every one once; the benchmark is called as the folder is.

    Args:
        root: a folder in one of the layouts above.
        classes: names (with spaces) to restrict to, in this order; None for all. Not used where no class is named.

    Raises:
        UserError: root is missing or in none of the layouts, a class is not in it, or no picture can be used, or none
            of a class.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None = None) -> MaskListing:
    """`load` without a look into the pictures."""
    folders, faults = _folders(root, classes)
    found, masks = {}, {}
    for name, (pictures, drawn) in folders.items():
        pairs, wrong = paired(root, pictures, drawn)
        found[name], masks = [*pairs], {**masks, **pairs}
        faults += wrong
    return MaskListing(root, root.name, found, faults, mask=MaskFiles(masks))


def _folders(root: Path, classes: list[str] | None) -> tuple[dict[str, tuple[Path, Path]], list[Fault]]:
    """Class, or "", -> its folder of pictures and its folder of masks."""
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder. {WHERE}")
    for names in UNNAMED:
        pictures, masks = (root / name for name in names)
        if pictures.is_dir() and masks.is_dir():
            return {"": (pictures, masks)}, []
    return _of_classes(root, classes)


def _of_classes(root: Path, classes: list[str] | None) -> tuple[dict[str, tuple[Path, Path]], list[Fault]]:
    there, faults = {}, []
    folders = picture_files.class_folders(root) if any(path.is_dir() for path in root.iterdir()) else []
    for folder in folders:
        pictures, masks = (folder / name for name in PAIR)
        if pictures.is_dir() and masks.is_dir():
            there[folder.name.replace("_", " ")] = (pictures, masks)
        else:
            lacks = " and no ".join(path.name for path in (pictures, masks) if not path.is_dir())
            faults.append(Fault(spelt(root, folder), f"it holds no folder {lacks}"))
    if not there:
        raise UserError(f"{root} holds no pictures with masks. {WHERE}")
    return asked(root, there, classes, "folders"), faults
