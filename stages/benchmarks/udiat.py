"""UDIAT: 163 pictures of breast ultrasound with a lesion each, benign or malignant, and its outline.

What it shows: is a tumor of the breast found in an ultrasound picture? Of the paper's Tables 4 and 7 the columns
               "Breast Ultrasound", and Figure 6.
Paper:         Yap et al., Automated Breast Ultrasound Lesions Detection Using Convolutional Neural Networks, IEEE
               Journal of Biomedical and Health Informatics 22 (2018), 1218-1226: "Dataset B".
Source:        http://www2.docm.mmu.ac.uk/STAFF/M.Yap/dataset.php
Licence:       free for research on request by e-mail (Moi Hoon Yap, Manchester Metropolitan University); no passing on.
How to get it: ask for "BUS, Dataset B", and unpack it.
Layout:

    ROOT/
    |-- original/
    |   |-- 000001.png
    |   `-- ... 000163.png
    |-- GT/
    |   |-- 000001.png                   white on the lesion
    |   `-- ... 000163.png
    `-- DatasetB.xlsx                    benign or malignant; not needed

    The object is where a mask of black and one other level is not black; of more levels, where it is above half of
    white. A picture without a mask, a mask without a picture, one of another size and whatever cannot be read are
    faults.
n:             163.
Classes:       none are named: benign and malignant lesions are one thing here.
Chance:        none can be said. To call the whole picture the lesion gives a Dice of 2a / (1 + a), if it covers a share
               a of the picture.
Differs:       the paper counts 110 benign and 54 malignant cases, which is one more than there are. It does not say
               which were segmented; here it is all.
"""

from pathlib import Path

from stages.common.failures import UserError
from stages.common.masked import Masked, MaskFiles, MaskListing, checked, paired

TASK = "segmentation"
PICTURES, MASKS = "original", "GT"


def load(root: Path, classes: list[str] | None = None) -> Masked:
    """Finds the pictures and masks and looks at every one once.

    Args:
        root: a folder in the layout above.
        classes: not used here, no class is named.

    Raises:
        UserError: root or one of its two folders is missing, or no picture can be used.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None = None) -> MaskListing:
    """`load` without a look into the pictures."""
    for path in (root, root / PICTURES, root / MASKS):
        if not path.is_dir():
            raise UserError(f"{path}: there is no such folder. Put {PICTURES}/ and {MASKS}/ of Dataset B into {root}.")
    pairs, faults = paired(root, root / PICTURES, root / MASKS)
    return MaskListing(root, "udiat", {"": [*pairs]}, faults, mask=MaskFiles(pairs))
