"""Pictures with captions, for retrieval or captioning: listed by a file, looked at once, kept in one order."""

import itertools
import json
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from PIL import Image

from stages.common import picture_files
from stages.common.failures import UserError
from stages.common.faults import Fault, absent, few, spelt
from stages.common.picture_files import faults_of, read_picture

CAPTIONS = "captions.json"
COCO_LIST, COCO_PICTURES = "dataset_coco.json", "val2014"
Task = Literal["retrieval", "captioning"]


@dataclass(frozen=True)
class Captions:
    """Pictures on disk and the sentences that tell of them; no picture is kept in memory yet.

    Attributes:
        name: what rows and reports call it.
        paths: N pictures that can be read, in a fixed order.
        captions: M sentences, those of a picture next to each other.
        owners: M indices into paths, the picture that each sentence tells of; each picture has one sentence at least.
        faults: what is corrupt, missing or too much, and therefore not in paths.
        read: gives one of `paths` as RGB of 8 bits; may be called from several threads and processes.
        task: "retrieval", which sentence belongs to a picture, or "captioning", what a model writes of a picture that
            these sentences are said of.
    """

    name: str
    paths: tuple[Path, ...]
    captions: tuple[str, ...]
    owners: tuple[int, ...]
    faults: tuple[Fault, ...] = ()
    read: Callable[[Path], Image.Image] = read_picture
    task: Task = "retrieval"

    def __post_init__(self) -> None:
        assert len(self.captions) == len(self.owners), (len(self.captions), len(self.owners))
        assert set(self.owners) == set(range(len(self.paths))), self.owners


@dataclass(frozen=True)
class CaptionListing:
    """The pictures of a benchmark as its list names them; not one has been opened.

    Attributes:
        root: the folder written in params.yaml.
        name: as in Captions.
        found: picture -> its captions, none of them blank.
        faults: what is missing or too much.
        task: as in Captions.

    Raises:
        UserError: there is no picture at all; the message says what is wrong instead.
    """

    root: Path
    name: str
    found: Mapping[Path, Sequence[str]]
    faults: Sequence[Fault]
    task: Task = "retrieval"

    def __post_init__(self) -> None:
        _refuse_empty(self.root, self.found, self.faults)


def listing(
    root: Path, name: str, home: Path, said: Mapping[str, Sequence[str]], faults: Sequence[Fault] = ()
) -> CaptionListing:
    """The pictures that a list names, where they lie.

    Args:
        root: the folder written in params.yaml.
        name: the benchmark's.
        home: the folder that the files are named from; `root` or inside of it.
        said: file -> its captions; a blank one is passed over.
        faults: what is wrong with the list itself.

    Raises:
        UserError: as CaptionListing.
    """
    told = {home / file: [text.strip() for text in texts if text.strip()] for file, texts in said.items()}
    silent = [spelt(root, path) for path, texts in told.items() if not texts]
    missing = [spelt(root, path) for path, texts in told.items() if texts and not path.is_file()]
    found = {path: texts for path, texts in told.items() if texts and path.is_file()}
    return CaptionListing(root, name, found, [*faults, *absent(silent, "it has no caption"), *absent(missing)])


def in_folder(root: Path, task: Task) -> CaptionListing:
    """The pictures that ROOT/captions.json lists, {"000.png": ["a caption", ...]}, called as the folder is.

    Raises:
        UserError: root or its list is missing, or the list has another form.
    """
    said = _said(root / CAPTIONS)
    loose = [path.name for path in picture_files.pictures_of(root) if path.name not in said]
    found = listing(root, root.name, root, said, absent(loose, f"{CAPTIONS} does not list it"))
    return replace(found, task=task)


def _said(path: Path) -> dict[str, list[str]]:
    """File -> its captions."""
    if not path.is_file():
        what = "there is no such file" if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise UserError(f'{path}: {what}. Put pictures and {CAPTIONS}, {{"000.png": ["a caption", ...]}}, there.')
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}.") from None
    if not isinstance(said, dict) or not said:
        raise UserError(f'{path} must hold {{"000.png": ["a caption", ...]}}, but holds {reprlib.repr(said)}.')
    for file, texts in said.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise UserError(f"{path}: {file!r} must have a list of captions, but has {reprlib.repr(texts)}.")
        if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise UserError(f"{path}: {file!r} lies outside of {path.parent}. Name pictures from that folder on.")
    return said


def of_coco(root: Path, name: str, task: Task) -> CaptionListing:
    """The pictures of MSCOCO's test split by Karpathy's list, ROOT/dataset_coco.json and ROOT/val2014.

    Raises:
        UserError: root, the list or the pictures are missing, or the list has another form or no test split.
    """
    for path in (root, root / COCO_LIST, root / COCO_PICTURES):
        if not path.exists():
            raise UserError(f"{path}: it is not there. Put {COCO_LIST} and the folder {COCO_PICTURES} into {root}.")
    said = karpathy(root / COCO_LIST, "Unpack it again from caption_datasets.zip.")
    return replace(listing(root, name, root, said), task=task)


def checked(listing: CaptionListing) -> Captions:
    """The record of these pictures, each looked at once; one that cannot be read leaves with its captions.

    Raises:
        UserError: no picture can be read.
    """
    reasons = dict(zip(listing.found, faults_of([*listing.found]), strict=True))
    usable = {path: texts for path, texts in listing.found.items() if not reasons[path]}
    broken = [Fault(spelt(listing.root, path), reason) for path, reason in reasons.items() if reason]
    faults = (*broken, *listing.faults)
    _refuse_empty(listing.root, usable, faults)
    captions = tuple(itertools.chain.from_iterable(usable.values()))
    owners = tuple(number for number, texts in enumerate(usable.values()) for _ in texts)
    return Captions(listing.name, tuple(usable), captions, owners, faults, task=listing.task)


def karpathy(path: Path, how: str) -> dict[str, list[str]]:
    """The test split of one of Karpathy's lists, {"images": [{"filename": ..., "split": ..., "sentences": ...}]}.

    Args:
        path: the list; 36 MB for Flickr30k, 144 MB for MSCOCO.
        how: what to do where it is damaged, for the error.

    Returns:
        Picture, its folder before it where the list names one -> its captions, in the order of the list.

    Raises:
        UserError: it is no such list, or has no picture of the test split.

    Source: Karpathy and Fei-Fei, Deep Visual-Semantic Alignments, CVPR 2015, arXiv 1412.2306; the splits that all
        tables of retrieval use.
    """
    try:
        images = json.loads(path.read_text(encoding="utf-8"))["images"]
        shown = [image for image in images if image["split"] == "test"]
        said = {
            "/".join(filter(None, (image.get("filepath"), image["filename"]))): [
                str(sentence["raw"]) for sentence in image["sentences"]
            ]
            for image in shown
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no list of Karpathy's ({type(error).__name__}: {error}). {how}") from None
    if not said:
        raise UserError(f"{path} lists no picture of the test split. {how}")
    return said


def _refuse_empty(root: Path, found: Mapping[Path, Sequence[str]], faults: Sequence[Fault]) -> None:
    if found:
        return
    what = few(f"{fault.file} ({fault.reason})" for fault in faults) or "its list names none"
    raise UserError(f"{root} holds no picture with a caption that can be read. What is wrong there: {what}.")
