"""ImageNet-1k: the 50,000 validation photographs of the ILSVRC 2012 challenge, 50 of each of 1,000 classes.

What it shows: has a model forgotten what it knew? The retention of the paper's Table 1 for CLIP.
Paper:         Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015, arXiv 1409.0575.
Source:        https://image-net.org/download.php
Licence:       ImageNet's terms of access: non-commercial research and education, no passing on. Free registration.
How to get it: after registration, "ILSVRC2012": "Validation images (all tasks)", 6.3 GB, and "Development kit (Task 1 &
               2)", 2.5 MB. The two archives are enough; nothing has to be unpacked.
Layout:        one of

    ROOT/                                        ROOT/                            ROOT/
    |-- ILSVRC2012_img_val.tar                   `-- val/                         |-- n01440764/
    `-- ILSVRC2012_devkit_t12.tar.gz                 |-- n01440764/               |   |-- ILSVRC2012_val_00000293.JPEG
                                                     |   |-- ILSVRC2012_val_...   |   `-- ...
                                                     `-- ... 1,000 folders        `-- ... 1,000 folders

    Folders are read before archives. Names may end in the class's id, as in ILSVRC2012_val_00000293_n01440764.JPEG.
    The archive is read in place, each picture at its own offset; nothing is written. Where the development kit lies
    beside folders too, it says which files each of them should hold. Without it a missing file has no known class: it
    is named only where all classes are asked for, otherwise the folders that hold too few are.
n:             50,000.
Classes:       1,000. `class_names()` gives their names; all is the classes that lie there, in the order of their ids.
Chance:        0.001 among the 1,000 names.
Differs:       names are those that OpenAI chose for CLIP, as open_clip lists them. Two of them stand there twice; here
               the second of each has a name of its own: n04008634 is "projectile" (not a second "missile"), n04356056
               "dark glasses" (not a second "sunglasses").
Differs:       the paper does not say which names and templates it used. It prints 58.10 % (ViT-B/32) and 70.79 %
               (ViT-L/14) for untouched CLIP; these names in "A photo of a X." are known to give 62.00 % and 73.37 %.
"""

import io
import re
import runpy
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from PIL import Image

from stages.benchmarks.contract import Benchmark, Listing, asked, checked, in_folders, miscounted
from stages.common import picture_files
from stages.common.failures import UserError
from stages.common.faults import NAMED, Fault, absent, few, spelt

TASK = "classification"
ARCHIVE = "ILSVRC2012_img_val.tar"
DEVKIT = "ILSVRC2012_devkit_t12.tar.gz"
META, TRUTH = (f"ILSVRC2012_devkit_t12/data/{name}" for name in ("meta.mat", "ILSVRC2012_validation_ground_truth.txt"))
N, PER_CLASS = 50_000, 50
PICTURE = re.compile(r"(ILSVRC2012_val_\d{8})(_n\d{8})?(\.JPEG)", re.IGNORECASE)
SECOND_NAMES = {"n04008634": "projectile", "n04356056": "dark glasses"}
WHERE = f"Put val/, with one folder for each class (n01440764 ...), or {ARCHIVE} and {DEVKIT} there."


@cache
def _class_names() -> tuple[tuple[str, str], ...]:
    home = {package: Path(find_spec(package).origin).parent for package in ("open_clip", "timm")}  # imports neither
    names = runpy.run_path(str(home["open_clip"] / "zero_shot_metadata.py"))["IMAGENET_CLASSNAMES"]
    wnids = (home["timm"] / "data/_info/imagenet_synsets.txt").read_text(encoding="utf-8").split()
    named = {**dict(zip(wnids, names, strict=True)), **SECOND_NAMES}
    assert wnids == sorted(wnids) and len(set(named.values())) == len(named) == 1000, len(set(named.values()))
    return tuple(named.items())


def class_names() -> dict[str, str]:
    """WordNet id, such as n01440764 -> name, of the 1,000 classes in the order of their ids; no name is there twice."""
    return dict(_class_names())


def load(root: Path, classes: list[str] | None) -> Benchmark:
    """Finds the validation pictures, in folders or in the archive, and looks at every one once.

    Args:
        root: a folder in one of the layouts above.
        classes: names out of `class_names()` to restrict to, in this order; None for all that lie there.

    Raises:
        UserError: root is missing or in none of the layouts, the development kit is missing or broken, a class does not
            lie there, or has no picture that can be read.
    """
    return checked(listed(root, classes))


def listed(root: Path, classes: list[str] | None) -> Listing:
    """`load` without a look into the pictures."""
    wnids = set(class_names())
    for home in (root / "val", root):
        if home.is_dir() and any(folder.name in wnids for folder in home.iterdir()):
            return _of_folders(root, home, classes)
    if (root / ARCHIVE).is_file():
        return _of_archive(root, classes)
    what = " holds no ImageNet" if root.is_dir() else ": there is no such folder"
    raise UserError(f"{root}{what}. {WHERE}")


def _of_folders(root: Path, home: Path, classes: list[str] | None) -> Listing:
    there = {name: home / wnid for wnid, name in class_names().items() if (home / wnid).is_dir()}
    folders = asked(root, there, classes, "folder")
    found, faults = in_folders(root, folders)
    unknown = [path for path in sorted(home.glob("n" + "[0-9]" * 8)) if path.name not in class_names()]
    faults += [Fault(spelt(root, path), "it is none of the 1,000 classes") for path in unknown]
    for name, pictures in found.items():
        found[name] = [path for path in pictures if PICTURE.fullmatch(path.name)]
        strange = [path for path in pictures if not PICTURE.fullmatch(path.name)]
        faults += [Fault(spelt(root, path), "its name is none of the validation pictures'") for path in strange]
    if (root / DEVKIT).is_file():
        faults += _by_devkit(root, folders, found)
    elif len(found) == len(class_names()):
        faults += _by_number(root, home, found)
    else:
        faults += miscounted(root, home, folders, found, PER_CLASS)
    return Listing(root, "imagenet", found, faults)


def _by_devkit(root: Path, folders: Mapping[str, Path], found: dict[str, list[Path]]) -> list[Fault]:
    """What each folder lacks and has too much; the latter is taken out of `found`."""
    truth, missing, faults = _truth(root / DEVKIT), [], []
    wanted: dict[str, list[str]] = {}
    for picture, wnid in truth.items():
        wanted.setdefault(wnid, []).append(picture)
    for name, folder in folders.items():
        wrong = [path for path in found[name] if truth.get(_standard(path.name)) != folder.name]
        faults += [Fault(spelt(root, path), f"it is no picture of {name!r} by {DEVKIT}") for path in wrong]
        found[name] = [path for path in found[name] if path not in wrong]
        have = {_standard(path.name) for path in found[name]}
        missing += [spelt(root, folder / picture) for picture in wanted.get(folder.name, []) if picture not in have]
    return faults + absent(missing)


def _by_number(root: Path, home: Path, found: Mapping[str, list[Path]]) -> list[Fault]:
    """What all 1,000 folders together lack and have too much: by name, where only a few pictures are missing."""
    have = {_standard(path.name) for pictures in found.values() for path in pictures}
    missing = [spelt(root, home / picture) for picture in map(_numbered, range(1, N + 1)) if picture not in have]
    if not missing or len(missing) > NAMED:
        folders = {name: home / wnid for wnid, name in class_names().items()}
        return miscounted(root, home, folders, found, PER_CLASS)
    short = few(name for name, pictures in found.items() if len(pictures) < PER_CLASS)
    return absent(missing, f"it is missing; its class cannot be known, but these hold fewer than {PER_CLASS}: {short}")


def _of_archive(root: Path, classes: list[str] | None) -> Listing:
    archive, truth = root / ARCHIVE, _truth(root / DEVKIT)
    members, faults = _members(archive)
    wnids = set(truth.values())
    there = {name: wnid for wnid, name in class_names().items() if wnid in wnids}
    picked = {wnid: name for name, wnid in asked(root, there, classes, "pictures").items()}
    found: dict[str, list[Path]] = {name: [] for name in picked.values()}
    missing = []
    for picture, wnid in truth.items():
        if wnid in picked and picture in members.named:
            found[picked[wnid]].append(archive / members.named[picture])
        elif wnid in picked:
            missing.append(f"{ARCHIVE}/{picture}")
    strange = [member for member in members.places if _standard(PurePosixPath(member).name) not in truth]
    faults += [Fault(f"{ARCHIVE}/{member}", f"{DEVKIT} does not know it") for member in strange]
    return Listing(root, "imagenet", found, faults + absent(missing), fault=members.fault, read=members)


@dataclass(frozen=True)
class Members:
    """The files of a tar archive, each read at its own offset, so that threads and processes share nothing.

    Attributes:
        archive: not compressed.
        places: member -> first byte and number of bytes.
        named: ILSVRC2012_val_00000001.JPEG ... -> member.
    """

    archive: Path
    places: dict[str, tuple[int, int]]
    named: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "named", {_standard(PurePosixPath(member).name): member for member in self.places})

    def __call__(self, path: Path) -> Image.Image:
        """The picture ARCHIVE/MEMBER, as `picture_files.read_picture` gives it."""
        return picture_files.read_picture(path, self._content(path))

    def fault(self, path: Path) -> str | None:
        """Why the picture ARCHIVE/MEMBER cannot be read; None when it can."""
        return picture_files.fault(path, self._content(path))

    def _content(self, path: Path) -> io.BytesIO:
        start, size = self.places[path.relative_to(self.archive).as_posix()]
        with self.archive.open("rb") as file:
            file.seek(start)
            return io.BytesIO(file.read(size))


def _members(archive: Path) -> tuple[Members, list[Fault]]:
    places, faults = {}, []
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                if member.isfile():
                    places[PurePosixPath(member.name).as_posix()] = (member.offset_data, member.size)
    except tarfile.ReadError as error:
        if not places:
            raise UserError(f"{archive} cannot be read as an archive: {error}. Download it again.") from error
        faults = [Fault(archive.name, f"it ends too early ({error}): download it again")]
    return Members(archive, places), faults


def _truth(devkit: Path) -> dict[str, str]:
    """Picture -> WordNet id, ILSVRC2012_val_00000001.JPEG first."""
    from scipy.io import loadmat  # takes a second, and only this needs it
    from scipy.io.matlab import MatReadError

    try:
        with tarfile.open(devkit, "r:gz") as tar:
            meta, truth = (tar.extractfile(name).read() for name in (META, TRUTH))
        synsets = loadmat(io.BytesIO(meta), squeeze_me=True)["synsets"]
        wnids = {int(synset["ILSVRC2012_ID"]): str(synset["WNID"]) for synset in synsets if not synset["num_children"]}
        shown = [wnids[int(line)] for line in truth.split()]
        return {_numbered(number): wnid for number, wnid in enumerate(shown, 1)}
    except FileNotFoundError:
        raise UserError(f"{devkit}: there is no such file. It says what each picture of {ARCHIVE} shows.") from None
    except (OSError, EOFError, zlib.error, tarfile.TarError, KeyError, ValueError, MatReadError) as error:
        raise UserError(f"{devkit} cannot be read as a development kit: {error}. Download it again.") from error


def _numbered(number: int) -> str:
    return f"ILSVRC2012_val_{number:08d}.JPEG"


def _standard(name: str) -> str:
    """A picture's name as the archive has it; any other name as it is."""
    match = PICTURE.fullmatch(name)
    return f"{match[1]}.JPEG" if match else name
