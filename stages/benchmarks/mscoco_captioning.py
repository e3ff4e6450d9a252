"""MSCOCO captioning: a sentence for each of the 5,000 photographs of Karpathy's test split.

What it shows: does a model write what people say of a picture? Each caption is compared with all sentences that five
               people or more wrote about its picture.
Paper:         Lin et al., Microsoft COCO, ECCV 2014, arXiv 1405.0312, and Chen et al., arXiv 1504.00325; the split is
               that of Karpathy and Fei-Fei, CVPR 2015, arXiv 1412.2306.
Source:        pictures: http://images.cocodataset.org/zips/val2014.zip (6 GB). Split and sentences:
               caption_datasets.zip of https://cs.stanford.edu/people/karpathy/deepimagesent.
Licence:       the sentences CC BY 4.0; the pictures are their photographers', under Flickr's terms.
How to get it: unpack both; the folder is that of mscoco.py, and may be the same.
Layout:

    ROOT/
    |-- dataset_coco.json                Karpathy's list
    `-- val2014/
        |-- COCO_val2014_000000391895.jpg
        `-- ...                          40,504 pictures, of which 5,000 are asked

    A picture of the test split that is not there is a fault; pictures of the other splits may lie there or not.
n:             5,000 pictures, 25,010 references.
Chance:        none can be said; rows have none.
Differs:       the paper names neither split nor decoding; 5,000 pictures are what its "5K" says. What a model wrote
               with which decoding is said beside the numbers.
"""

from pathlib import Path

from stages.common.captioned import CaptionListing, Captions, checked, of_coco

TASK = "captioning"


def load(root: Path, classes: list[str] | None = None) -> Captions:
    """Finds the pictures of the test split and looks at every one once.

    Args:
        root: a folder in the layout above.
        classes: not used here, captions have none.

    Raises:
        UserError: root, the list or the pictures are missing, the list has another form or no test split, or no picture
            can be read.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None = None) -> CaptionListing:
    """`load` without a look into the pictures.

    Time: about 3 s, for the list of 144 MB.
    """
    return of_coco(root, "mscoco_captioning", TASK)
