"""A plain folder of class folders: pictures of your own concept, or of anything else.

What it shows: whatever its pictures show; the pictures that a reader of the concept's name would call by it.
Source:        you. The drawn world, which the stage `draw` makes under data/world, has this form too.
Licence:       that of the pictures.
Layout:

    ROOT/
    |-- moongate/            a class: the folder's name, underscores read as spaces
    |   |-- garden.jpg
    |   `-- 002.png
    `-- traffic_light/       "traffic light"
        `-- 000.webp

    A picture ends in .bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff or .webp. Beside pictures may lie, and are passed over:
    hidden files, masks (*.mask.png), notes (*.json, *.jsonl), Thumbs.db and desktop.ini. Anything else in a class's
    folder (a text, an archive, a picture in another format, a folder) is named among the faults, as are pictures that
    cannot be read and pictures outside of all class folders. Files beside the class folders are not looked at.
n, classes:    what lies there; print both beside every number. With ten pictures, 10 of 10 is [0.72, 1.00].
Chance:        one over the number of names among which a picture is asked.
Differs:       the paper names no such set; see rare_concepts.py and imagenet.py for those that it does.
"""

from pathlib import Path

from stages.benchmarks.contract import Benchmark, Listing, checked, of_class_folders

TASK = "classification"


def listed(root: Path, classes: list[str] | None) -> Listing:
    """`load` without a look into the pictures."""
    return of_class_folders(root, classes, root.name)


def load(root: Path, classes: list[str] | None) -> Benchmark:
    """Finds the pictures of each class and looks at every one once; the benchmark is called as the folder is.

    Args:
        root: the folder of class folders.
        classes: names (with spaces) to restrict to, in this order; None for all folders, sorted by name.

    Raises:
        UserError: root or a class's folder is missing, two folders or two asked classes read as one, or a class has no
            picture that can be read.
    """
    return checked(listed(root, classes))
