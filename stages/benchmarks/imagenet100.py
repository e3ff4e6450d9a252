"""ImageNet-100: 5,000 validation photographs, 50 of each of 100 ImageNet classes, most of them animals.

What it shows: has a model forgotten what it knew? The retention of the paper's Table 1 for ViLT, for which all pairs of
               50,000 pictures and 1,000 names are too many.
Paper:         none. Its maker chose the classes; they are not the hundred of Tian et al., Contrastive Multiview Coding,
               ECCV 2020, which many papers call ImageNet-100, too.
Source:        https://www.kaggle.com/datasets/ambityga/imagenet100
Licence:       ImageNet's terms of access: non-commercial research and education, no passing on. A Kaggle account.
How to get it: download the archive there (17 GB, most of it training pictures) and unpack it; of the folders only
               val.X is used.
Layout:

    ROOT/
    |-- Labels.json                  {"n01440764": "tench, Tinca tinca", ...}
    |-- val.X/
    |   |-- n01440764/
    |   |   |-- ILSVRC2012_val_00000293.JPEG
    |   |   `-- ...                  50 pictures
    |   `-- ...                      100 folders
    `-- train.X1/ ... train.X4/      not looked at
n:             5,000.
Classes:       100, in the order of their ids. The name of a class is its first synonym in Labels.json; where an earlier
               class has that name, the next one. `python -m pipeline classes imagenet100 ROOT FILE` writes them down.
Chance:        0.01 among the 100 names.
Differs:       the paper does not say which names it asked for. Some of these are not those of imagenet.py: "cock" is
               "rooster" there.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from stages.benchmarks.contract import Benchmark, Listing, asked, checked, in_folders, miscounted
from stages.common.failures import UserError
from stages.common.faults import Fault, spelt
from stages.common.paths import slug

TASK = "classification"
LABELS, PICTURES = "Labels.json", "val.X"
PER_CLASS = 50


def load(root: Path, classes: list[str] | None) -> Benchmark:
    """Finds the validation pictures and looks at every one once.

    Args:
        root: the unpacked archive.
        classes: names by `first_synonyms` to restrict to, in this order; None for all that lie there.

    Raises:
        UserError: root, val.X or Labels.json is missing or holds something else, a class does not lie there, or has no
            picture that can be read.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None) -> Listing:
    """`load` without a look into the pictures."""
    named = first_synonyms(_labels(root / LABELS))
    home = root / PICTURES
    if not home.is_dir():
        raise UserError(f"{home}: there is no such folder. Put the folder {PICTURES} of the Kaggle archive there.")
    there = {name: home / wnid for wnid, name in named.items() if (home / wnid).is_dir()}
    folders = asked(root, there, classes, "folder")
    found, faults = in_folders(root, folders)
    if classes is None:
        faults += _folders_at_fault(root, home, named)
    return Listing(root, "imagenet100", found, [*faults, *miscounted(root, home, folders, found, PER_CLASS)])


def first_synonyms(labels: Mapping[str, str]) -> dict[str, str]:
    """WordNet id -> a name that no other class has, in the order of the ids.

    Args:
        labels: WordNet id -> synonyms, with commas between them.

    Returns:
        The first synonym that no earlier class is called by; where all are taken, the first with the id behind it.
    """
    named: dict[str, str] = {}
    taken: set[str] = set()
    for wnid in sorted(labels):
        synonyms = [synonym.strip() for synonym in labels[wnid].split(",")]
        free = [synonym for synonym in synonyms if slug(synonym).casefold() not in taken]
        named[wnid] = free[0] if free else f"{synonyms[0]} {wnid}"
        taken.add(slug(named[wnid]).casefold())
    return named


def _labels(path: Path) -> dict[str, str]:
    if not path.is_file():
        what = "there is no such file" if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise UserError(f"{path}: {what}. Put {LABELS} and {PICTURES} of the Kaggle archive there.")
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}. Unpack it again.") from None
    if not isinstance(labels, dict) or not all(isinstance(text, str) and text.strip() for text in labels.values()):
        raise UserError(f'{path} must hold {{"n01440764": "tench, Tinca tinca", ...}}, but does not. Unpack it again.')
    return labels


def _folders_at_fault(root: Path, home: Path, named: Mapping[str, str]) -> list[Fault]:
    """Classes without a folder, and folders without a class."""
    missing = [
        Fault(spelt(root, home / wnid), f"the folder of {name!r} is missing")
        for wnid, name in named.items()
        if not (home / wnid).is_dir()
    ]
    extra = sorted(path for path in home.iterdir() if path.name not in named and not path.name.startswith("."))
    return missing + [Fault(spelt(root, path), f"{LABELS} does not know it") for path in extra]
