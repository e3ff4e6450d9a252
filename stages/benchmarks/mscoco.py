"""MSCOCO captions: the 5,000 photographs of Karpathy's test split, each with five sentences about it or more.

What it shows: does a picture find its sentences, and a sentence its picture? The larger of the two sets on which image
               and text retrieval is reported.
Paper:         Lin et al., Microsoft COCO, ECCV 2014, arXiv 1405.0312, and Chen et al., arXiv 1504.00325; the split is
               that of Karpathy and Fei-Fei, CVPR 2015, arXiv 1412.2306.
Source:        pictures: http://images.cocodataset.org/zips/val2014.zip (6 GB). Split and sentences:
               caption_datasets.zip of https://cs.stanford.edu/people/karpathy/deepimagesent.
Licence:       the sentences CC BY 4.0; the pictures are their photographers', under Flickr's terms.
How to get it: unpack both; of the list only the test split is used, all of which lies in val2014.
Layout:

    ROOT/
    |-- dataset_coco.json                Karpathy's list
    `-- val2014/
        |-- COCO_val2014_000000391895.jpg
        `-- ...                          40,504 pictures, of which 5,000 are asked

    A picture of the test split that is not there is a fault; pictures of the other splits may lie there or not.
n:             5,000 pictures, 25,010 sentences: a few pictures have more than five, all of which are kept.
Chance:        0.0002 for the first picture of a sentence (image R@1), about 0.0002 for the first sentence of a picture
               (text R@1).
Differs:       the paper reports Flickr30k alone. All 5,000 pictures are asked at once, "5K" in other tables, not the
               mean over five folds of 1,000.
"""

from pathlib import Path

from stages.common.captioned import CaptionListing, Captions, checked, of_coco

TASK = "retrieval"


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
    return of_coco(root, "mscoco", TASK)
