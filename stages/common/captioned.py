"""Pictures with captions, as benchmarks of retrieval have them: listed by a file, looked at once, kept in one order."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from PIL import Image

from stages.common.failures import UserError
from stages.common.faults import Fault, absent, few, spelt
from stages.common.picture_files import faults_of, read_picture


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
        task: the kind of question.
    """

    name: str
    paths: tuple[Path, ...]
    captions: tuple[str, ...]
    owners: tuple[int, ...]
    faults: tuple[Fault, ...] = ()
    read: Callable[[Path], Image.Image] = read_picture
    task: ClassVar[str] = "retrieval"

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

    Raises:
        UserError: there is no picture at all; the message says what is wrong instead.
    """

    root: Path
    name: str
    found: Mapping[Path, Sequence[str]]
    faults: Sequence[Fault]

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
    return Captions(listing.name, tuple(usable), captions, owners, faults)


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
