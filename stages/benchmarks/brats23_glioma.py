"""BraTS 2023 Glioma: slices of MRI of the head with a glioma and its outline.

What it shows: is a tumor found in a slice of the brain? Of the paper's Tables 4 and 7 the columns "Brain MRI", and
               Figure 7.
Paper:         Baid et al., The RSNA-ASNR-MICCAI BraTS 2021 Benchmark, arXiv 2107.02314, whose cases the challenge of
               2023 has again.
Source:        https://www.synapse.org/Synapse:syn51156910
Licence:       that of the challenge: research, after registration; no passing on.
How to get it: register at Synapse for the challenge, download "BraTS 2023 GLI, Training Data", and unpack it.
Layout:        cases in ROOT, or in a folder of ROOT called ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData:

    ROOT/
    |-- BraTS-GLI-00000-000/
    |   |-- BraTS-GLI-00000-000-t1n.nii.gz       T1
    |   |-- BraTS-GLI-00000-000-t1c.nii.gz       T1 with contrast
    |   |-- BraTS-GLI-00000-000-t2w.nii.gz       T2
    |   |-- BraTS-GLI-00000-000-t2f.nii.gz       FLAIR
    |   `-- BraTS-GLI-00000-000-seg.nii.gz       0: none, 1: necrosis, 2: edema, 3: enhancing tumor
    `-- ... 1,251 cases of 240 x 240 x 155

    Of the four kinds of picture one is shown, which `segmentation: {modality: t2f}` of a run names; the others need not
    be there. A slice is spelt CASE/CASE-t2f.nii.gz/077, counted from the lowest. The object is everything that is not
    0. Slices lie as radiologists see them: axial, the forehead on top, the patient's left side at the right edge,
    whichever way the file stores them. Grey levels have no unit in MRI: outside of the skull-stripped brain they are 0;
    of those above, the 0.5th percentile of the volume becomes black and the 99.5th white.
    Slices without a tumor are counted and left out. A case without its mask or its picture, one whose volumes differ in
    shape, and what cannot be read is a fault.
n:             the paper has 14,746 slices with a tumor; all 1,251 cases have about five times as many.
Classes:       none are named: the whole tumor, with its edema, is one thing.
Chance:        none can be said. To call the whole slice the tumor gives a Dice of 2a / (1 + a), if it covers a share a
               of the slice.
Differs:       the paper's 14,746 slices are fewer than there are, and it says neither which, nor of which of the four
               kinds, nor how grey levels are brought to 8 bits. FLAIR is the default: the whole tumor is bright on it.
"""

import threading
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from stages.common.failures import UserError
from stages.common.faults import absent, spelt
from stages.common.lookup import nearest
from stages.common.masked import Looked, Masked, MaskListing, checked, reason_of

TASK = "segmentation"
MODALITIES = ("t2f", "t1c", "t1n", "t2w")  # the first is the default
CHALLENGE = "ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData"
SUFFIX = ".nii.gz"
WINDOW = (0.5, 99.5)  # percentiles of the voxels above 0
UPRIGHT = ("L", "P", "S")  # axes that grow to the patient's left, back and top
LOCK = threading.Lock()  # so that threads that ask for slices of one volume do not unpack it several times


def load(root: Path, classes: list[str] | None = None, modality: str | None = None) -> Masked:
    """Finds the cases and looks at every one once.

    Args:
        root: a folder in the layout above.
        classes: not used here, no class is named.
        modality: one of MODALITIES; None for the first.

    Raises:
        UserError: root is missing or holds no case, there is no such modality, or no slice can be used.

    Time: some tenths of a second of one core for each case, most of it unpacking.
    """
    return checked(listed(root, classes, modality), _slices)


def listed(root: Path, classes: list[str] | None = None, modality: str | None = None) -> MaskListing:
    """`load` without a look into the volumes, so that `found` has those, and not their slices."""
    shown = modality or MODALITIES[0]
    if shown not in MODALITIES:
        hint = nearest(shown, MODALITIES)
        raise UserError(f"{root}: there is no modality {shown!r}.{hint} There are: {', '.join(MODALITIES)}.")
    volumes = [folder / f"{folder.name}-{shown}{SUFFIX}" for folder in _cases(root)]
    missing = [spelt(root, path) for volume in volumes for path in (volume, _mask_of(volume)) if not path.is_file()]
    there = [volume for volume in volumes if volume.is_file() and _mask_of(volume).is_file()]
    return MaskListing(root, "brats23_glioma", {"": there}, absent(missing), read=read, mask=mask)


def read(path: Path) -> Image.Image:
    """One slice, VOLUME/NUMBER, in mode RGB with 8 bits a channel.

    Raises:
        UserError: its volume cannot be read.
    """
    with LOCK:
        grey = _grey(path.parent)
    return Image.fromarray(np.ascontiguousarray(grey[..., int(path.name)])).convert("RGB")


def mask(path: Path) -> np.ndarray:
    """Where the tumor is on a slice, VOLUME/NUMBER, bool [H, W].

    Raises:
        UserError: its volume cannot be read.
    """
    with LOCK:
        tumor = _tumor(_mask_of(path.parent))
    return np.ascontiguousarray(tumor[..., int(path.name)])


def _slices(listing: MaskListing, volume: Path) -> Looked:
    """A volume as its slices with a tumor."""
    try:
        levels, tumor = _volume(volume), _volume(_mask_of(volume)) > 0
    except UserError as error:
        return Looked(reason=reason_of(listing.root, volume, error))
    if levels.shape != tumor.shape:
        shapes = (" x ".join(map(str, shape)) for shape in (tumor.shape, levels.shape))
        return Looked(reason="its mask has {} voxels, the volume {}".format(*shapes))
    is_shown = tumor.any((0, 1))
    paths = tuple(volume / f"{number:03d}" for number in np.flatnonzero(is_shown))
    return Looked(paths, negatives=int((~is_shown).sum()))


@lru_cache(maxsize=2)
def _grey(path: Path) -> np.ndarray:
    """A volume through its window, uint8 [H, W, slices]."""
    levels = _volume(path)
    brain = levels[levels > 0]
    low, high = np.percentile(brain, WINDOW) if brain.size else (0.0, 0.0)
    if high <= low:  # one level alone
        return np.where(levels > 0, np.uint8(255), np.uint8(0))
    return (np.clip((levels - low) * (255 / (high - low)), 0, 255) + 0.5).astype(np.uint8)


@lru_cache(maxsize=2)
def _tumor(path: Path) -> np.ndarray:
    """A mask, bool [H, W, slices]."""
    return _volume(path) > 0


def _volume(path: Path) -> np.ndarray:
    """A volume upright, float32 [H, W, slices]: rows from front to back, columns from right to left, the lowest first.

    Raises:
        UserError: it cannot be read, or is no volume.
    """
    import nibabel  # takes a second, and only this needs it
    from nibabel.filebasedimages import ImageFileError
    from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
    from nibabel.spatialimages import HeaderDataError

    try:
        image = nibabel.load(path)
        values = np.asanyarray(image.dataobj, dtype=np.float32)
        if values.ndim != 3:
            raise ValueError(f"it has {values.ndim} dimensions, not 3")
        turn = ornt_transform(io_orientation(image.affine), axcodes2ornt(UPRIGHT))
        return apply_orientation(values, turn).swapaxes(0, 1)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such volume.") from None
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        said = " ".join(str(error).replace(str(path), path.name).split()).rstrip(".")
        raise UserError(f"{path} cannot be read as a volume: {said}.") from error


def _mask_of(volume: Path) -> Path:
    return volume.with_name(f"{volume.parent.name}-seg{SUFFIX}")


def _cases(root: Path) -> list[Path]:
    home = root / CHALLENGE if (root / CHALLENGE).is_dir() else root
    folders = sorted(path for path in home.iterdir() if path.is_dir()) if home.is_dir() else []
    cases = [folder for folder in folders if any(folder.glob(f"{folder.name}-*{SUFFIX}"))]
    if not cases:
        what = " holds no case" if root.is_dir() else ": there is no such folder"
        raise UserError(f"{root}{what}. Put BraTS-GLI-00000-000/ with its volumes ({SUFFIX}), and so on, there.")
    return cases
