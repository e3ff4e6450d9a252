"""JSRT: 154 chest X-rays with one lung nodule each, 54 benign and 100 malignant.

What it shows: has a model learned what a benign nodule and lung cancer look like? The target of the paper's Table 2.
Paper:         Shiraishi et al., American Journal of Roentgenology 174 (2000), 71-74.
Source:        http://db.jsrt.or.jp/eng.php
Licence:       free for research after registration by e-mail (each account may download ten times); no passing on.
How to get it: "Nodule154images.zip" and "Clinical_Information.zip" from there. A mirror with PNGs is
               https://www.kaggle.com/datasets/raddar/nodules-in-chest-xrays-jsrt.
Layout:        folders as you like, hidden ones are passed over:

    ROOT/
    |-- Clinical_Information/
    |   `-- CLNDAT_EN.txt                what each X-ray shows; or jsrt_metadata.csv of the mirror
    `-- Nodule154images/
        |-- JPCLN001.IMG                 or JPCLN001.png, which counts where there is no .IMG
        `-- ... JPCLN154.IMG

    An .IMG has no header: 2048 x 2048 grey levels of 12 bits, each in 2 bytes, high byte first: 8,388,608 bytes. It is
    a scanned film, on which air is high and bone low; it is turned round, so that bone is white, as on other X-rays.
    CLNDAT_EN.txt has a line for each X-ray, with tabs: file, subtlety (1-5), size (mm), age, sex, x, y, malignant or
    benign, place, diagnosis. Its lines do not all have as many parts, and some run together, so that only the name
    and the first "malignant" or "benign" behind it are read.
    PNGs must show bone white, since they are read as they are; one that holds levels of 12 bits in 16 is a fault. The
    mirror's jsrt_metadata.csv was never seen here, so its columns study_id and state may be called otherwise.
    The 93 X-rays without a nodule (JPCNN001 ... JPCNN093) are not asked for, and no faults. X-rays that are not listed
    are, and so are those that are listed and not there.
n:             154.
Classes:       benign nodule (54), lung cancer (100, the malignant ones).
Chance:        0.5 between the two names.
Differs:       the paper's figures are of fewer X-rays: 83.93 %, 92.86 % and 94.64 % of malignant ones are 47, 52 and 53
               of 56, and 54.55 % of benign ones is 6 of 11 or 12 of 22. It does not say which. Here it is all 154.
"""

import csv
import os
import re
from pathlib import Path

import numpy as np
from PIL import Image

from stages.benchmarks.contract import Benchmark, Listing, asked, checked
from stages.common import picture_files
from stages.common.failures import UserError
from stages.common.faults import Fault, absent, spelt

TASK = "classification"
CLASSES = {"benign": "benign nodule", "malignant": "lung cancer"}
CLINICAL, METADATA = "CLNDAT_EN.txt", "jsrt_metadata.csv"
SIDE, WHITE = 2048, 4095
N_BYTES = SIDE * SIDE * 2
GREYS = ((WHITE - np.arange(WHITE + 1)) * 255 / WHITE + 0.5).astype(np.uint8)  # level of the film -> 8 bits
SUFFIXES = (".img", ".png")  # the first counts where both are there
NODULE = re.compile(r"JPCLN ?(\d{3})", re.IGNORECASE)
ENTRY = re.compile(NODULE.pattern + r"(.*?)(?=JPCLN ?\d{3}|\Z)", re.IGNORECASE | re.DOTALL)
STATE = re.compile("|".join(CLASSES), re.IGNORECASE)


def load(root: Path, classes: list[str] | None) -> Benchmark:
    """Finds the X-rays with a nodule and looks at every one once.

    Args:
        root: a folder in the layout above.
        classes: names to restrict to, in this order; None for both.

    Raises:
        UserError: root or the list of what the X-rays show is missing, a class is not one of the two, or has no X-ray
            that can be read.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None) -> Listing:
    """`load` without a look into the pictures."""
    listing, files = _listing(root), _files(root)
    states = _states(listing)
    names = asked(root, dict.fromkeys(CLASSES.values()), classes, "X-rays")
    found: dict[str, list[Path]] = {name: [] for name in names}
    faults, missing = [], []
    for name, state in sorted(states.items()):
        if state is None:
            faults.append(Fault(name, f"{listing.name} says neither benign nor malignant of it"))
        elif CLASSES[state] in found and name in files:
            found[CLASSES[state]].append(files[name])
        elif CLASSES[state] in found:
            missing.append(f"{name}.IMG")
    strange = [spelt(root, path) for name, path in files.items() if name not in states]
    faults += [Fault(file, f"{listing.name} does not list it") for file in strange]
    return Listing(root, "jsrt", found, [*faults, *absent(missing)], fault=fault, read=read)


def read(path: Path) -> Image.Image:
    """One X-ray in mode RGB with 8 bits a channel, bone white.

    Raises:
        UserError: it cannot be read.
    """
    if reason := fault(path):
        raise UserError(f"{path} cannot be read as an X-ray: {reason}")
    if path.suffix.lower() != SUFFIXES[0]:
        return picture_files.read_picture(path)
    return Image.fromarray(GREYS[_levels(path)]).convert("RGB")


def fault(path: Path) -> str | None:
    """Why `read` refuses a file; None when it does not."""
    if not path.is_file():
        return "there is no such file"
    if path.suffix.lower() != SUFFIXES[0]:
        return picture_files.fault(path) or _fault_of_levels(path)
    if (size := path.stat().st_size) != N_BYTES:
        return f"it has {size} bytes, but an X-ray has {N_BYTES}"
    if (highest := int(_levels(path).max())) > WHITE:
        return f"its highest grey level is {highest}, but 12 bits hold no more than {WHITE}"
    return None


def _fault_of_levels(path: Path) -> str | None:
    """Of 65,536 levels no more than the first 4,096: read as they are they would be nearly black."""
    with Image.open(path) as picture:
        is_deep = picture.mode.startswith("I;16")
        highest = picture.getextrema()[1] if is_deep else None
    return f"12 bits in a 16-bit file (highest level {highest}): use the .IMG" if is_deep and highest <= WHITE else None


def _levels(path: Path) -> np.ndarray:
    """[2048, 2048] uint16, as they lie in the file."""
    return np.fromfile(path, ">u2").reshape(SIDE, SIDE)


def _visible(root: Path) -> list[Path]:
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder. Put {CLINICAL} and the X-rays, JPCLN001.IMG ..., there.")
    files = sorted(Path(folder, name) for folder, _, names in os.walk(root, followlinks=True) for name in names)
    return [path for path in files if not any(part.startswith(".") for part in path.relative_to(root).parts)]


def _listing(root: Path) -> Path:
    named = {path.name.lower(): path for path in _visible(root)}
    for name in (CLINICAL, METADATA):
        if name.lower() in named:
            return named[name.lower()]
    raise UserError(f"{root} holds no {CLINICAL}, which says what each X-ray shows. Put it there.")


def _files(root: Path) -> dict[str, Path]:
    """What is there, by name without suffix; X-rays without a nodule are left out, files with other names are not."""
    images = [path for path in _visible(root) if path.suffix.lower() in SUFFIXES]
    images = [path for path in images if not path.stem.upper().startswith("JPCNN")]
    images = [path for path in images if path.suffix.lower() == SUFFIXES[0] or NODULE.match(path.name)]
    files: dict[str, Path] = {}
    for path in sorted(images, key=lambda path: SUFFIXES.index(path.suffix.lower())):
        match = NODULE.fullmatch(path.stem)
        files.setdefault(f"JPCLN{match[1]}" if match else path.name, path)
    return files


def _states(listing: Path) -> dict[str, str | None]:
    """JPCLN001 ... -> benign, malignant, or None where neither is said."""
    text = listing.read_text(encoding="utf-8", errors="replace")  # its few Japanese words stand in no name
    if listing.name.lower() == METADATA:
        rows = [(row.get("study_id") or "", row.get("state") or "") for row in csv.DictReader(text.splitlines())]
        entries = [(match[1], state) for name, state in rows if (match := NODULE.match(name))]
    else:
        entries = [(number, words) for number, words in ENTRY.findall(text)]
    found = {f"JPCLN{number}": STATE.search(words) for number, words in entries}
    if not found:
        raise UserError(f"{listing} lists no X-ray with a nodule (JPCLN001 ...). Download it again.")
    return {name: match[0].lower() if match else None for name, match in found.items()}
