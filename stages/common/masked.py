"""Pictures with a mask each, for segmentation: looked at once, kept in one order."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from stages.common import picture_files
from stages.common.failures import UserError
from stages.common.faults import Fault, few, spelt
from stages.common.picture_files import read_picture

NO_MASK, NO_PICTURE = "there is no mask of it", "there is no picture of it"
PLAIN = ("1", "L", "I;16", "I;16B")  # Pillow's modes of one grey level, kept as it is


@dataclass(frozen=True)
class Masked:
    """Pictures on disk, and where on each the object is; nothing is kept in memory yet.

    Attributes:
        name: what rows and reports call it.
        paths: N pictures that can be read, in a fixed order. One inside a volume is spelt VOLUME/SLICE.
        classes: K names of what the masks show, with spaces; () where all show one thing that the data does not name.
        labels: N indices into classes; all 0 where classes is ().
        faults: what is corrupt, missing or too much, and therefore not in paths.
        read: gives one of `paths` as RGB of 8 bits; may be called from several threads and processes.
        mask: gives the mask of one of `paths`, bool [H, W] of the picture's own size, true on the object, never empty;
            may be called as `read` may.
        negatives: pictures without anything to segment, which are left out.
        task: the kind of question, "segmentation".
        root: the folder written in params.yaml.
    """

    name: str
    paths: tuple[Path, ...]
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    faults: tuple[Fault, ...] = ()
    read: Callable[[Path], Image.Image] = read_picture
    mask: Callable[[Path], np.ndarray] = field(kw_only=True)
    negatives: int = 0
    task: Literal["segmentation"] = "segmentation"
    root: Path = Path()

    def name_of(self, path: Path) -> str:
        """A picture's path from `root` on, on which chance may hang: the same wherever the data lies."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()

    def __post_init__(self) -> None:
        assert len(self.paths) == len(self.labels), (len(self.paths), len(self.labels))
        assert set(self.labels) <= set(range(max(1, len(self.classes)))), self.labels


@dataclass(frozen=True)
class MaskListing:
    """The pictures of a benchmark as folders or a list have them; not one has been opened.

    Attributes:
        root: the folder written in params.yaml.
        name: as in Masked.
        found: class name -> its pictures, or volumes that hold them; the one key is "" where nothing is named.
        faults: what is missing or too much.
        read: as in Masked.
        mask: as in Masked, but an empty mask is allowed.
        negatives: pictures that a list says to be without anything to segment; not in `found`.

    Raises:
        UserError: there is no picture at all, or a class has none; the message says what is wrong instead.
    """

    root: Path
    name: str
    found: Mapping[str, Sequence[Path]]
    faults: Sequence[Fault]
    read: Callable[[Path], Image.Image] = read_picture
    mask: Callable[[Path], np.ndarray] = field(kw_only=True)
    negatives: int = 0

    def __post_init__(self) -> None:
        _refuse_empty(self.root, self.found, self.faults, self.negatives)


@dataclass(frozen=True)
class Looked:
    """What a look at one picture, or at one volume of pictures, has shown.

    Attributes:
        paths: pictures to be segmented, as `Masked.paths` spells them.
        negatives: pictures with an empty mask.
        reason: why it cannot be used, None when it can.
    """

    paths: tuple[Path, ...] = ()
    negatives: int = 0
    reason: str | None = None


def checked(listing: MaskListing, look: Callable[[MaskListing, Path], Looked] | None = None) -> Masked:
    """The record of these pictures, each looked at once with its mask; many at once, in threads.

    Args:
        listing: what there is.
        look: how one entry of `listing.found` is looked at; by default as the single picture that it is.

    Raises:
        UserError: no picture can be read that shows something, or none of a class.
    """
    look = look or _looked
    entries = [path for paths in listing.found.values() for path in paths]
    with ThreadPoolExecutor() as threads:
        seen = dict(zip(entries, threads.map(lambda path: look(listing, path), entries), strict=True))
    usable = {name: [one for path in paths for one in seen[path].paths] for name, paths in listing.found.items()}
    broken = [Fault(spelt(listing.root, path), one.reason) for path, one in seen.items() if one.reason]
    faults, negatives = (*broken, *listing.faults), listing.negatives + sum(one.negatives for one in seen.values())
    _refuse_empty(listing.root, usable, faults, negatives)
    return Masked(
        name=listing.name,
        paths=tuple(path for paths in usable.values() for path in paths),
        classes=tuple(filter(None, usable)),
        labels=tuple(label for label, paths in enumerate(usable.values()) for _ in paths),
        faults=faults,
        read=listing.read,
        mask=listing.mask,
        negatives=negatives,
        root=listing.root,
    )


def _looked(listing: MaskListing, path: Path) -> Looked:
    try:
        (width, height), mask = listing.read(path).size, listing.mask(path)
    except UserError as error:
        return Looked(reason=reason_of(listing.root, path, error))
    if mask.shape != (height, width):
        other = " x ".join(map(str, mask.shape[::-1]))
        return Looked(reason=f"its mask has {other} pixels, the picture {width} x {height}")
    return Looked((path,)) if mask.any() else Looked(negatives=1)


def reason_of(root: Path, path: Path, error: UserError) -> str:
    """An error about a picture as the reason of its fault: without the path of the picture, and without a stop.

    A mask that lies in another file keeps its own path, relative to the root.
    """
    said = str(error).removeprefix(str(path)).replace(f"{root}/", "")
    return said.lstrip(": ").rstrip(". ")


def _refuse_empty(root: Path, found: Mapping[str, Sequence[Path]], faults: Sequence[Fault], negatives: int) -> None:
    empty = [name for name, paths in found.items() if not paths]
    if found and not empty:
        return
    of = f" for {len(empty)} of {len(found)} classes: {few(empty)}" if any(empty) else ""
    what = few(f"{fault.file} ({fault.reason})" for fault in faults)
    wrong = f" What is wrong there: {what}." if what else ""
    blank = f" {negatives} {'picture has' if negatives == 1 else 'pictures have'} an empty mask." if negatives else ""
    raise UserError(f"{root} holds no picture with a mask that can be read and shows something{of}.{wrong}{blank}")


def paired(root: Path, pictures: Path, masks: Path) -> tuple[dict[Path, Path], list[Fault]]:
    """Pictures of one folder and masks of another, brought together by their names without suffix.

    Returns:
        Picture -> its mask, sorted by name; and a fault for each file that belongs to none, is no picture, or is called
        as another of its folder.

    Differs: MedCLIP-SAMv2's public code pairs two listings of folders by their order, which `os.listdir` does not
        promise to be the same.
    """
    faults: list[Fault] = []
    shown, drawn = (_by_stem(root, folder, faults) for folder in (pictures, masks))
    faults += [Fault(spelt(root, path), NO_MASK) for stem, path in shown.items() if stem not in drawn]
    faults += [Fault(spelt(root, path), NO_PICTURE) for stem, path in drawn.items() if stem not in shown]
    return {path: drawn[stem] for stem, path in shown.items() if stem in drawn}, faults


def _by_stem(root: Path, folder: Path, faults: list[Fault]) -> dict[str, Path]:
    found, others = picture_files.pictures_and_others(folder)
    faults += [Fault(spelt(root, path), "it is no picture, so it does not belong there") for path in others]
    named: dict[str, Path] = {}
    for path in found:
        if named.setdefault(path.stem, path) != path:
            faults.append(Fault(spelt(root, path), f"{named[path.stem].name} is called so too"))
    return named


def levels(path: Path) -> np.ndarray:
    """The grey levels of a mask file as they lie in it, [H, W]; of a coloured one the highest of its channels.

    Raises:
        UserError: no such file, no picture, a broken one, levels of 32 bits, or an alpha channel that is not opaque
            throughout: the object may be in it or in the levels.
    """
    try:
        with Image.open(path) as opened:
            if opened.mode in ("I", "F"):
                raise ValueError(f"its levels are 32-bit numbers (mode {opened.mode}), not 8 or 16 bits")
            if opened.has_transparency_data and opened.convert("RGBA").getchannel("A").getextrema()[0] < 255:
                raise ValueError("it is transparent in places, and a mask is told by its levels: save it without alpha")
            array = np.asarray(opened if opened.mode in PLAIN else opened.convert("RGB"))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such mask.") from None
    except picture_files.UNREADABLE as error:
        said = picture_files.fault(path) or str(error)
        raise UserError(f"{path} cannot be read as a mask: {said}.") from error
    return array if array.ndim == 2 else array.max(2)


def above_half(path: Path) -> np.ndarray:
    """Where a mask file shows the object, bool [H, W].

    Of 0 and one other level it is where the other is, however dark, and so it is where all is 1. Of more levels it is
    what is above half of white, over 127 of 8 bits.

    Differs: MedCLIP-SAMv2's public code takes 200 of 255; masks of black and white give the same either way.

    Raises:
        UserError: as `levels`, or nothing is above half of white although the file is not black.
    """
    grey = levels(path)
    highest = grey.max(initial=0)
    if highest <= 1 or (not grey.all() and np.isin(grey, (0, highest)).all()):
        return grey > 0
    mask = grey > np.iinfo(grey.dtype).max // 2
    if not mask.any():
        raise UserError(f"{path} is not black, but nowhere above half of white: its highest level is {highest}.")
    return mask


def above_zero(path: Path) -> np.ndarray:
    """Where a mask file is not black, bool [H, W]: for masks whose levels number the objects.

    Raises:
        UserError: as `levels`.
    """
    return levels(path) > 0


@dataclass(frozen=True)
class MaskFiles:
    """Masks that lie in files; may be pickled.

    Attributes:
        files: picture -> file of its mask, or several, which are its mask together.
        mark: what of the file is the object: `above_half` or `above_zero`.
    """

    files: Mapping[Path, Path | tuple[Path, ...]]
    mark: Callable[[Path], np.ndarray] = above_half

    def __call__(self, path: Path) -> np.ndarray:
        """The mask of a picture, bool [H, W].

        Raises:
            UserError: as `mark`, or its files have different sizes.
        """
        files = self.files[path]
        masks = [self.mark(file) for file in ((files,) if isinstance(files, Path) else files)]
        if len({mask.shape for mask in masks}) > 1:
            raise UserError(f"{path}: the files of its mask have different sizes.")
        return np.logical_or.reduce(masks)
