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

from pathlib import Path

from stages.common.captioned import CaptionListing, Captions, checked, in_folder

TASK = "retrieval"


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
