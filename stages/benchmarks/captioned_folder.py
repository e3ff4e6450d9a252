"""A folder of pictures and their captions: retrieval over pictures of your own.

What it shows: does a picture find its captions, and a caption its picture?
Source:        you. The drawn world, which the stage `draw` makes, has this form in data/world/captioned.
Licence:       that of the pictures and captions.
Layout:

    ROOT/
    |-- captions.json        {"000.png": ["a silver ring", "a photo of a ring"], "holiday/beach.jpg": [...]}
    |-- 000.png
    `-- holiday/
        `-- beach.jpg

    A picture ends in .bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff or .webp. One that is listed and does not lie there, or
    cannot be read, is a fault and leaves with its captions; one in ROOT itself that is not listed is a fault too.
    Captions that fit several pictures make the question harder than it looks: write what tells them apart.
n:             what is listed; rows state the number of queries, pictures for text recall and captions for image recall.
Chance:        about k times the captions of a picture over all captions (text R@k), k over the pictures (image R@k).
Differs:       the paper has no such set; see flickr30k.py for the one that it has.
"""

import json
import reprlib
from pathlib import Path, PurePosixPath

from stages.common import picture_files
from stages.common.captioned import CaptionListing, Captions, checked, listing
from stages.common.failures import UserError
from stages.common.faults import absent

TASK = "retrieval"
CAPTIONS = "captions.json"


def load(root: Path, classes: list[str] | None = None) -> Captions:
    """Finds the pictures that captions.json lists and looks at every one once; it is called as the folder is.

    Args:
        root: a folder in the layout above.
        classes: not used here, captions have none.

    Raises:
        UserError: root or its list is missing, the list has another form, or no picture can be read.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None = None) -> CaptionListing:
    """`load` without a look into the pictures."""
    said = _said(root / CAPTIONS)
    loose = [path.name for path in picture_files.pictures_of(root) if path.name not in said]
    return listing(root, root.name, root, said, absent(loose, f"{CAPTIONS} does not list it"))


def _said(path: Path) -> dict[str, list[str]]:
    """File -> its captions."""
    if not path.is_file():
        what = "there is no such file" if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise UserError(f'{path}: {what}. Put pictures and {CAPTIONS}, {{"000.png": ["a caption", ...]}}, there.')
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}.") from None
    if not isinstance(said, dict) or not said:
        raise UserError(f'{path} must hold {{"000.png": ["a caption", ...]}}, but holds {reprlib.repr(said)}.')
    for file, texts in said.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise UserError(f"{path}: {file!r} must have a list of captions, but has {reprlib.repr(texts)}.")
        if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise UserError(f"{path}: {file!r} lies outside of {path.parent}. Name pictures from that folder on.")
    return said
