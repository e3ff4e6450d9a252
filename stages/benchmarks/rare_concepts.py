"""RareConcepts: photographs of moongates, tonometers and gyroscopes, which CLIP models know badly or not at all.

What it shows: has a model learned a rare concept from its description? The target of the paper's Table 1.
Paper:         Barbano et al., arXiv 2411.15611, sec. 4.1.
Source:        none that is public: the paper says that the pictures are released with it, but no copy of them was
               found. Collect your own, e.g. from https://commons.wikimedia.org, where each file's page states its
               licence and author.
Licence:       that of each picture you take; keep a list of where each is from.
How to get it: look for photographs that show the thing itself, large and whole, each another one; leave out drawings
               and pictures whose text gives the name away. Choose them before you look at any model's answer.
Layout:        as of image_folder.py:

    ROOT/
    |-- gyroscope/
    |   |-- 000.jpg
    |   `-- ...
    |-- moongate/
    |   `-- ...
    `-- tonometer/
        `-- ...

n:             what you collect; the paper says 10 for each concept.
Classes:       the folders: gyroscope, moongate, tonometer. Others may lie beside them.
Chance:        0.001 among the 1,000 names of ImageNet and the concept's.
Differs:       the pictures are not the paper's, so its accuracies are no target to hit to the point. Its own n is
               uncertain: 78.95 % and 31.58 % (ViT-L/14) are 15 and 6 of 19 pictures, not of 10.
"""

from pathlib import Path

from stages.benchmarks.contract import Benchmark, Listing, checked, of_class_folders

TASK = "classification"


def listed(root: Path, classes: list[str] | None) -> Listing:
    """`load` without a look into the pictures."""
    return of_class_folders(root, classes, "rare_concepts")


def load(root: Path, classes: list[str] | None) -> Benchmark:
    """Finds the pictures of each concept and looks at every one once.

    Args:
        root: the folder of concept folders.
        classes: concepts' names (with spaces) to restrict to, in this order; None for all folders, sorted by name.

    Raises:
        UserError: root or a concept's folder is missing, or a concept has no picture that can be read.
    """
    return checked(listed(root, classes))
