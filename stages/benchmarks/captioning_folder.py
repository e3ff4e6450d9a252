"""A folder of pictures and what people say of them: captioning over pictures of your own.

What it shows: does a model write what your sentences say of a picture, and does it say a taught name where they do?
Source:        you. The drawn world, which the stage `draw` makes, has this form.
Licence:       that of the pictures and sentences.
Layout:

    ROOT/
    |-- captions.json        {"000.png": ["a silver ring", "a photo of a ring"], "holiday/beach.jpg": [...]}
    |-- 000.png
    `-- holiday/
        `-- beach.jpg

    A picture ends in .bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff or .webp. One that is listed and does not lie there, or
    cannot be read, is a fault and leaves with its sentences; one in ROOT itself that is not listed is a fault too. Give
    every picture several references, five as MSCOCO has if you can: metrics then know more ways to say it.
n:             what is listed; rows state the number of pictures.
Chance:        none can be said; rows have none.
Differs:       the paper has no such set; see mscoco_captioning.py for the one that it has.
"""

from pathlib import Path

from stages.common.captioned import CaptionListing, Captions, checked, in_folder

TASK = "captioning"


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
    return in_folder(root, TASK)
