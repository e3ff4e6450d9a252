"""Flickr30k: the 1,000 photographs of Karpathy's test split, each with five sentences about it.

What it shows: does a picture find its sentences, and a sentence its picture? Retrieval before and after 80 concepts
               were taught, the paper's Tables 5 and 8.
Paper:         Young et al., From image descriptions to visual denotations, TACL 2014; the split is that of Karpathy
               and Fei-Fei, CVPR 2015, arXiv 1412.2306.
Source:        pictures: https://shannon.cs.illinois.edu/DenotationGraph, or one of (b) and (c). Split and sentences:
               caption_datasets.zip of https://cs.stanford.edu/people/karpathy/deepimagesent.
Licence:       the pictures are their photographers', under Flickr's terms; the University of Illinois gives them out
               for non-commercial research and education, no passing on. A request form.
How to get it: the pictures by the form, Karpathy's list beside them. Or everything from one of the two others.
Layout:        three, told apart by their list; where several lie there the first of them counts:

    ROOT/
    |-- dataset_flickr30k.json           (a) Karpathy's list, with split and sentences
    |-- flickr_annotations_30k.csv       (b) https://huggingface.co/datasets/nlphuji/flickr30k, which has the split too
    |-- results.csv                      (c) https://www.kaggle.com/datasets/hsankesara/flickr-image-dataset, sentences
    |                                    without any split, which therefore needs
    |-- flickr30k_test_karpathy.txt          the test split: "image,caption" as of CLIP_benchmark, or a name a line
    `-- flickr30k-images/                or flickr30k_images/: 31,783 pictures; (b) has them in an archive to unpack
        `-- 1007129816.jpg

    Pictures of the other splits may lie there or not. A line of results.csv that is not "image_name| comment_number|
    comment" is a fault (the real file has one), and so is a picture of the test split that is not there or has no
    sentence.
n:             1,000 pictures, 5,000 sentences.
Chance:        0.001 for the first picture of a sentence (image R@1), 0.001 for the first sentence of a picture
               (text R@1): five of 5,000.
Differs:       a sentence that stands beside two pictures gives a tie, which counts against; others break ties by order.
"""

import csv
import json
from pathlib import Path

from stages.common.captioned import CaptionListing, Captions, checked, karpathy, listing
from stages.common.failures import UserError
from stages.common.faults import Fault, absent
from stages.common.picture_files import SUFFIXES

TASK = "retrieval"
KARPATHY, ANNOTATIONS, RESULTS = "dataset_flickr30k.json", "flickr_annotations_30k.csv", "results.csv"
TEST = "flickr30k_test_karpathy.txt"
HOMES = ("flickr30k-images", "flickr30k_images")
Said = tuple[dict[str, list[str]], list[Fault]]  # file -> its captions; what is wrong with the list


def load(root: Path, classes: list[str] | None = None) -> Captions:
    """Finds the pictures of the test split and looks at every one once.

    Args:
        root: a folder in one of the layouts above.
        classes: not used here, captions have none.

    Raises:
        UserError: root, its list or the pictures are missing, the list has another form or no test split, or no picture
            can be read.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None = None) -> CaptionListing:
    """`load` without a look into the pictures."""
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder. Put {KARPATHY} and {HOMES[0]} there.")
    said, faults = _said(root)
    home = next((root / name for name in HOMES if (root / name).is_dir()), None)
    if home is None:
        raise UserError(f"{root} holds no folder {HOMES[0]}, so no pictures. Unpack them there.")
    return listing(root, "flickr30k", home, said, faults)


def _said(root: Path) -> Said:
    if (root / KARPATHY).is_file():
        return karpathy(root / KARPATHY, "Unpack it again from caption_datasets.zip."), []
    if (root / ANNOTATIONS).is_file():
        return _of_annotations(root / ANNOTATIONS)
    if (root / RESULTS).is_file():
        return _of_results(root / RESULTS, _test_split(root / TEST))
    raise UserError(f"{root} holds none of {KARPATHY}, {ANNOTATIONS} and {RESULTS}. Put {KARPATHY} there.")


def _of_annotations(path: Path) -> Said:
    """Sentences of layout (b), in which `raw` is a JSON list in a cell of a csv."""
    said = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if row["split"] == "test":
                    said[row["filename"]] = [str(text) for text in json.loads(row["raw"])]
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise UserError(
            f"{path} has another form ({type(error).__name__}: {error}). It must be a .csv with the columns raw (a "
            "list of sentences), split and filename. Download it again."
        ) from None
    if not said:
        raise UserError(f"{path} lists no picture of the test split. Download it again.")
    return said, []


def _test_split(path: Path) -> list[str]:
    """The files of a list of the test split, each once."""
    if not path.is_file():
        raise UserError(
            f"{path}: there is no such file, but {RESULTS} does not say which pictures are the test split. Put a list "
            f"of them there, a file name a line, or {KARPATHY} in place of both."
        )
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    names = dict.fromkeys(line.split(",", 1)[0].strip() for line in lines if line.strip())
    names.pop("image", None)  # the head of CLIP_benchmark's
    if strange := [name for name in names if not name.lower().endswith(SUFFIXES)]:
        raise UserError(f'{path} must hold a file name a line, or "image,caption", but one says {strange[0]!r}.')
    return [*names]


def _of_results(path: Path, names: list[str]) -> Said:
    """Sentences of layout (c) about the pictures of these names."""
    said: dict[str, list[str]] = {name: [] for name in names}
    head, *lines = path.read_text(encoding="utf-8-sig").splitlines() or [""]
    if [cell.strip() for cell in head.split("|")] != ["image_name", "comment_number", "comment"]:
        raise UserError(f"{path} must begin with 'image_name| comment_number| comment', but begins with {head[:60]!r}.")
    malformed = []
    for number, line in enumerate(lines, 2):
        cells = line.split("|", 2)
        if len(cells) == 3:
            said.get(cells[0].strip(), []).append(cells[2])  # those of other splits are let go
        elif line.strip():
            malformed.append(f"{path.name}, line {number}")
    return said, absent(malformed, "it is not 'image_name| comment_number| comment'")
