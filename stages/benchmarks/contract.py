"""What a benchmark is: a file of this folder with `TASK`, `listed` and `load`; and what those of classes share.

A benchmark's docstring is its page: what the pictures are, how they lie on disk, source, licence and chance.
`image_folder.py` is found as `image_folder` in a run's `target_benchmark` or `retention_benchmark`; a new file needs no
other place.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from PIL import Image

from stages.common import picture_files
from stages.common.captioned import CaptionListing, Captions
from stages.common.failures import UserError
from stages.common.faults import NAMED, Fault, few, spelt
from stages.common.lookup import nearest
from stages.common.masked import Masked, MaskListing
from stages.common.paths import same_folder, slug
from stages.common.picture_files import SUFFIXES, faults_of, read_picture

T = TypeVar("T")


@dataclass(frozen=True)
class Benchmark:
    """Labelled pictures on disk; nothing is kept in memory yet.

    Attributes:
        name: what rows and reports call it.
        task: the kind of question, "classification".
        class_names: K names as they go into a prompt, with spaces.
        paths: N pictures that can be read, in a fixed order. One inside an archive is spelt ARCHIVE/MEMBER.
        labels: N indices into class_names.
        faults: what is corrupt, missing or too much, and therefore not in paths.
        read: gives one of `paths` as RGB of 8 bits; may be called from several threads and processes.
    """

    name: str
    task: str
    class_names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    faults: tuple[Fault, ...] = ()
    read: Callable[[Path], Image.Image] = read_picture

    def __post_init__(self) -> None:
        assert len(self.paths) == len(self.labels), (len(self.paths), len(self.labels))
        assert not self.labels or 0 <= min(self.labels) <= max(self.labels) < len(self.class_names), self.labels


@dataclass(frozen=True)
class Listing:
    """The pictures of a benchmark as folders, lists or an archive have them; not one has been opened.

    Attributes:
        root: the folder written in params.yaml.
        name: as in Benchmark.
        found: class name -> its pictures; no class is without one.
        faults: what is missing or too much.
        fault: why a picture cannot be read, None when it can.
        read: as in Benchmark.

    Raises:
        UserError: a class has no picture; the message lists what lies there instead.
    """

    root: Path
    name: str
    found: Mapping[str, Sequence[Path]]
    faults: Sequence[Fault]
    fault: Callable[[Path], str | None] = picture_files.fault
    read: Callable[[Path], Image.Image] = read_picture

    def __post_init__(self) -> None:
        _refuse_empty(self.root, self.found, self.faults)


class Loader(Protocol):
    """The names a benchmark's module holds.

    Attributes:
        TASK: what it asks, written as a plain text: "classification", which class a picture is of; "retrieval", which
            caption belongs to a picture, and which picture to a caption; "captioning", what a model writes of a picture
            (both: stages/common/captioned.py); "segmentation", where on a picture its object is
            (stages/common/masked.py).
        MODALITIES: of a benchmark that has several pictures of the same, as MRI has, their names, written as a plain
            tuple, the first of them the default; others do not have it. `listed` and `load` then take a `modality`,
            one of them or None.
    """

    TASK: str

    @staticmethod
    def listed(root: Path, classes: list[str] | None) -> Listing | CaptionListing | MaskListing:
        """Finds the pictures under `root` and decodes none, so that a run can be told early what it lacks.

        Args and errors are those of `load`, as far as they show without a look into the pictures.
        """
        ...

    @staticmethod
    def load(root: Path, classes: list[str] | None) -> Benchmark | Captions | Masked:
        """Finds and checks the pictures under `root`; writes nothing there.

        Args:
            root: the folder written in params.yaml, `target_data` or `retention_data`.
            classes: names (with spaces) to restrict to, in this order; None for all. A benchmark that names no classes,
                as all of captions and many of masks, takes no notice of it.

        Raises:
            UserError: there is no such folder, it does not lie in a layout of this benchmark, a class is not in it, or
                a class has no picture that can be read; the message says which, and what to put where.
        """
        ...


def asked(root: Path, there: Mapping[str, T], classes: list[str] | None, noun: str) -> dict[str, T]:
    """The classes that a run asks for, each with what there is of it.

    Args:
        root: for messages.
        there: class name -> anything, in the order that counts where all are asked.
        classes: as `load` takes them; spelling is compared as folder names are (`paths.slug`).
        noun: what a class lacks that is not there, e.g. "folder".

    Raises:
        UserError: a class is not there, or two of them read as one.
    """
    if classes is None:
        return dict(there)
    if shared := same_folder(classes):
        first, second = shared
        raise UserError(f"{root}: the classes {first!r} and {second!r} read as one folder. Rename one of them.")
    by_slug = {slug(name): one for name, one in there.items()}
    missing = [name for name in classes if slug(name) not in by_slug]
    if missing:
        raise UserError(
            f"{root} has no {noun} for {len(missing)} of {len(classes)} classes: {few(missing)}."
            f"{nearest(missing[0], there)} It has: {few(there)}."
        )
    return {name: by_slug[slug(name)] for name in classes}


def in_folders(root: Path, folders: Mapping[str, Path]) -> tuple[dict[str, list[Path]], list[Fault]]:
    """The pictures of each class's folder, and a fault for each other file or folder that lies among them."""
    found, faults = {}, []
    for name, folder in folders.items():
        found[name], others = picture_files.pictures_and_others(folder)
        kinds = ((other, "a folder inside a class" if other.is_dir() else "no picture") for other in others)
        faults += [Fault(spelt(root, other), f"{kind}, so it does not belong there") for other, kind in kinds]
    return found, faults


def miscounted(
    root: Path, home: Path, folders: Mapping[str, Path], found: Mapping[str, Sequence[Path]], wanted: int
) -> list[Fault]:
    """A fault for each class's folder that does not hold `wanted` pictures; one for `home`, where all lie, if many."""
    off = {name: len(pictures) - wanted for name, pictures in found.items() if len(pictures) != wanted}
    if len(off) > NAMED:
        missing, extra = (sum(max(0, sign * count) for count in off.values()) for sign in (-1, 1))
        what = f"{missing} pictures are missing" + (f", {extra} are too many" if extra else "")
        return [Fault(spelt(root, home), f"{what}: {len(off)} of {len(found)} classes do not hold {wanted} each")]
    return [
        Fault(spelt(root, folders[name]), f"it holds {wanted + count} pictures, but {wanted} belong there")
        for name, count in off.items()
    ]


def checked(listing: Listing) -> Benchmark:
    """The record of these pictures, each looked at once, without those that cannot be read.

    Raises:
        UserError: a class has no picture that can be read; the message lists what lies there instead.
    """
    root, paths = listing.root, list(itertools.chain.from_iterable(listing.found.values()))
    reasons = dict(zip(paths, faults_of(paths, listing.fault), strict=True))
    broken = [Fault(spelt(root, path), reason) for path, reason in reasons.items() if reason]
    faults = [*broken, *listing.faults]  # single files first: they are few, and must not drown in counts of folders
    usable = {name: [path for path in pictures if not reasons[path]] for name, pictures in listing.found.items()}
    _refuse_empty(root, usable, faults)
    return Benchmark(
        name=listing.name,
        task="classification",
        class_names=tuple(usable),
        paths=tuple(itertools.chain.from_iterable(usable.values())),
        labels=tuple(label for label, pictures in enumerate(usable.values()) for _ in pictures),
        faults=tuple(faults),
        read=listing.read,
    )


def _refuse_empty(root: Path, usable: Mapping[str, Sequence[Path]], faults: Sequence[Fault]) -> None:
    empty = [name for name, pictures in usable.items() if not pictures]
    if not empty and usable:
        return
    what = few(f"{fault.file} ({fault.reason})" for fault in faults)
    raise UserError(
        f"{root} holds no picture that can be read for {len(empty)} of {len(usable)} classes: {few(empty)}. "
        + (f"What is wrong there: {what}. " if faults else "Nothing else lies there. ")
        + f"A picture ends in {', '.join(SUFFIXES)}."
    )


def of_class_folders(root: Path, classes: list[str] | None, name: str) -> Listing:
    """The pictures of a root with one folder for each class, named by the class.

    Raises:
        UserError: as Loader.listed.
    """
    there = {folder.name.replace("_", " "): folder for folder in picture_files.class_folders(root)}
    folders = asked(root, there, classes, "folder")
    found, faults = in_folders(root, folders)
    loose = [Fault(path.name, "it lies in no class's folder") for path in picture_files.pictures_of(root)]
    return Listing(root, name, found, [*loose, *faults])
