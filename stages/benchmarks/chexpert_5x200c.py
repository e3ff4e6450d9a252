"""CheXpert-5x200c: 1,000 chest X-rays with exactly one of five findings, 200 of each.

What it shows: has MedCLIP forgotten what it knew (retention of the paper's Table 2), and can CLIP learn a field that it
               was never trained on (Table 3)?
Paper:         Irvin et al., CheXpert, AAAI 2019, arXiv 1901.07031; the choice of 5 x 200 is that of Huang et al.,
               GLoRIA, ICCV 2021.
Source:        pictures: https://stanfordmlgroup.github.io/competitions/chexpert (CheXpert-v1.0 439 GB, or
               CheXpert-v1.0-small 11 GB). Index: a list of 1,000 of them, from one of the three places below.
Licence:       Stanford University's research use agreement: non-commercial research, no passing on. Registration.
How to get it: the pictures by registration; of the three indexes the first is the one that the paper's authors use.
Layout:

    ROOT/
    |-- chexpert_5x200.json              exactly one index, its name says 5x200; or chexpert_5x200.csv, or
    |                                    chexpert-5x200-val-meta.csv
    `-- CheXpert-v1.0-small/             or CheXpert-v1.0/, or train/ in ROOT itself; the first that is there
        `-- train/patient29750/study15/view1_frontal.jpg

    (a) datasets/zero_shot_classification/chexpert_5x200.json of https://github.com/QtacierP/PRIOR:
        {"124248": {"image_path": "train/patient29750/study15/view1_frontal.jpg", "label": [1, 0, 0, 0, 0]}, ...}
    (b) a csv as of https://github.com/RyanWangZf/MedCLIP, columns imgpath and the names of the findings; the file that
        its repository holds, local_data/chexpert-5x200-val-meta.csv, is a sample of 9 rows
    (c) a csv as of https://github.com/FereshteShakeri/few-shot-MedVLMs, chexpert_5x200.csv, columns Path and the names
        of the findings

    What stands before train/ or valid/ in an index's paths is passed over. The many pictures that it does not list are
    no faults; what it lists and is not there is one, and so is a row that does not name exactly one of the five
    findings, or a picture for the second time.
n:             1,000, 200 of each class; (a), (b) and (c) are not the same 1,000.
Classes:       atelectasis, cardiomegaly, consolidation, edema, pleural effusion.
Chance:        0.2 among the five names.
Differs:       the paper's section 4.1 calls the set CheXpert-2x500c; its tables, and the 200 pictures of each
               class that it counts, say 5x200c.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from stages.benchmarks.contract import Benchmark, Listing, asked, checked
from stages.common.failures import UserError
from stages.common.faults import Fault, absent

TASK = "classification"
FINDINGS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
CLASSES = tuple(finding.lower() for finding in FINDINGS)
HOMES = ("CheXpert-v1.0-small", "CheXpert-v1.0", ".")
PATH_COLUMNS = ("imgpath", "Path")
INSIDE = re.compile(r"(?:^|/)((?:train|valid)/.*)")  # a picture's path inside of CheXpert
Row = tuple[str, list[float]]  # a picture's path; of each finding: 1 there, 0 not there or not mentioned, -1 uncertain


def load(root: Path, classes: list[str] | None) -> Benchmark:
    """Finds the pictures that the index lists and looks at every one once.

    Args:
        root: a folder in the layout above.
        classes: names to restrict to, in this order; None for all five.

    Raises:
        UserError: root, the index or the pictures are missing, there are two indexes or one in another form, a class is
            not one of the five, or has no picture that can be read.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None) -> Listing:
    """`load` without a look into the pictures."""
    index, home = _index(root), _home(root)
    found: dict[str, list[Path]] = {name: [] for name in asked(root, dict.fromkeys(CLASSES), classes, "pictures")}
    missing, faults, seen = [], [], set()
    for file, says in _rows(index):
        inside = INSIDE.search(file)
        path = home / (inside[1] if inside else file)
        name = _class(says)
        if name is None:
            faults.append(Fault(file, f"{index.name} gives it {_count(says)} of the five findings, not exactly one"))
        elif path in seen:
            faults.append(Fault(file, f"{index.name} lists it twice"))
        elif name in found and path.is_file():
            found[name].append(path)
        elif name in found:
            missing.append(path.relative_to(root).as_posix())
        seen.add(path)
    return Listing(root, "chexpert_5x200c", found, [*faults, *absent(missing)])


def _index(root: Path) -> Path:
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder. Put chexpert_5x200.json and CheXpert-v1.0-small there.")
    found = sorted(path for path in root.iterdir() if path.suffix in (".csv", ".json") and "5x200" in path.name)
    if len(found) != 1:
        what = f"holds {len(found)} indexes: {', '.join(path.name for path in found)}" if found else "holds no index"
        raise UserError(f"{root} {what}. Keep exactly one there, a .json or .csv with 5x200 in its name.")
    return found[0]


def _home(root: Path) -> Path:
    for home in HOMES:
        if (root / home / "train").is_dir() or (root / home / "valid").is_dir():
            return root / home
    raise UserError(f"{root} holds none of {', '.join(HOMES[:2])} and train, so no pictures. Put one of them there.")


def _rows(index: Path) -> Iterator[Row]:
    """Each row of an index.

    Raises:
        UserError: it has none of the three forms.
    """
    try:
        with index.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows_of_json(json.load(file)) if index.suffix == ".json" else _rows_of_csv(csv.DictReader(file))
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise UserError(
            f"{index} has another form than an index ({type(error).__name__}: {error}). "
            'It must be a .json {"1": {"image_path": ..., "label": [1, 0, 0, 0, 0]}} or a .csv with the columns '
            f"{' or '.join(PATH_COLUMNS)}, {', '.join(FINDINGS)}."
        ) from None


def _rows_of_json(rows: dict[str, dict]) -> Iterator[Row]:
    for row in rows.values():
        if len(row["label"]) != len(FINDINGS):
            raise ValueError(f"{row['image_path']} has {len(row['label'])} labels, not {len(FINDINGS)}")
        yield str(row["image_path"]), _numbers(row["label"])


def _rows_of_csv(rows: csv.DictReader) -> Iterator[Row]:
    path = PATH_COLUMNS[0] if PATH_COLUMNS[0] in (rows.fieldnames or ()) else PATH_COLUMNS[1]
    for row in rows:
        yield str(row[path]), _numbers(row[finding] for finding in FINDINGS)


def _numbers(says: Iterable[object]) -> list[float]:
    return [float(word or 0) for word in says]


def _count(says: list[float]) -> str:
    return f"{says.count(1)}" + (f" ({says.count(-1)} uncertain)" if -1 in says else "")


def _class(says: list[float]) -> str | None:
    return CLASSES[says.index(1)] if sorted(says) == [0, 0, 0, 0, 1] else None
