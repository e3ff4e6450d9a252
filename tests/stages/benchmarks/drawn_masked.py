"""Small drawn data in the real layout of each benchmark of segmentation: a bright disc, and a mask that is the disc."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

MODALITIES = ("t1c", "t1n", "t2f", "t2w")  # as folders list them, not as the benchmark prefers them
EMPTY = 1  # number of the picture that shows nothing
PICTURES = {  # file of stages/benchmarks -> where its pictures lie, for `spoil`
    "segmentation_folder": "**/*images/*.jpg",
    "unitochest": "test/images/**/*.dcm",
    "udiat": "original/*.png",
    "siim_acr": "**/*.dcm",
    "brats23_glioma": "**/*-t2f.nii.gz",
}


def disc(number: int, height: int = 48, width: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels uint8 [H, W], and where the disc is, bool [H, W]; nowhere for the picture called EMPTY."""
    rng = np.random.default_rng(number)
    rows, columns = np.ogrid[:height, :width]
    row, column = rng.uniform(0.35, 0.65, 2) * (height, width)
    inside = (rows - row) ** 2 + (columns - column) ** 2 < (height / 5) ** 2
    inside &= number != EMPTY
    grey = np.where(inside, 200, 60) + rng.integers(0, 20, (height, width))
    return grey.astype(np.uint8), inside


def save(path: Path, levels: np.ndarray) -> None:
    """A picture file of grey levels or of a mask, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels.astype(np.uint8) * 255 if levels.dtype == bool else levels).save(path)


def segmentation_folder(
    root: Path | str, classes: Sequence[str] = ("arch", "traffic_light"), n: int = 3, *, form: str = "plain"
) -> None:
    """Pictures with masks, of which one is empty.

    Args:
        root: made when missing.
        classes: folders of the form "classes".
        n: pictures with a disc, of each class.
        form: "plain" (the first of the benchmark's page), "classes" or "medclip_sam".
    """
    names = ("test_images", "test_masks") if form == "medclip_sam" else ("images", "masks")
    homes = [Path(root, name) for name in classes] if form == "classes" else [Path(root)]
    for label, home in enumerate(homes):
        for number in range(label * (n + 1), (label + 1) * (n + 1)):
            grey, inside = disc(number)
            save(home / names[0] / f"{number:03d}.jpg", np.stack([grey, grey, 255 - grey], -1))
            save(home / names[1] / f"{number:03d}.png", inside)


def udiat(root: Path | str, n: int = 3) -> None:
    """original/ and GT/, n with a lesion and one without."""
    for number in range(n + 1):
        for folder, levels in zip(("original", "GT"), disc(number), strict=True):
            save(Path(root, folder, f"{number + 1:06d}.png"), levels)


def write_dicom(path: Path, stored: np.ndarray, **values: object) -> None:
    """One grey picture, not compressed; `values` are further entries of its head."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    file.Rows, file.Columns = stored.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = 8 * stored.dtype.itemsize
    file.BitsAllocated, file.BitsStored, file.HighBit = bits, bits, bits - 1
    file.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    file.PixelData = stored.tobytes()
    for name, value in values.items():
        setattr(file, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path)


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


def unitochest(root: Path | str, n: int = 3, split: str = "test") -> None:
    """A split: n slices with nodules, and one without, of which the list says so."""
    home, rows = Path(root, split), []
    for number in range(n + 1):
        grey, inside = disc(number)
        name = f"patient_{number // 2 + 1}/exam_1/{number:04d}"
        stored = (grey.astype(np.int16) - 100) * 5 + 1024  # -500 to 600 Hounsfield units, above the -1024 of the file
        write_dicom(home / "images" / f"{name}.dcm", stored, RescaleSlope="1", RescaleIntercept="-1024")
        if number != EMPTY:
            save(home / "masks" / f"{name}.png", inside)
        mask = "" if number == EMPTY else f"{name}.png"
        rows.append((number, f"{name}.dcm", mask, number // 2 + 1, 1, number))
    write_table(home / f"{split}_dataset.csv", ("", "image", "mask", "patientID", "exam", "slice"), rows)


def encoded(inside: np.ndarray) -> str:
    """A mask as EncodedPixels has it, counted pixel by pixel."""
    numbers, level = [0], False
    for pixel in inside.T.ravel().tolist():
        if pixel != level:
            numbers.append(0)
            level = pixel
        numbers[-1] += 1
    numbers = numbers if len(numbers) % 2 == 0 else numbers[:-1]  # what is false up to the end is not written
    return " ".join(map(str, numbers)) or "-1"


def siim_acr(root: Path | str, n: int = 3, *, form: str = "original") -> None:
    """X-rays and their list: n with a pneumothorax, the first of them in two rows, and one without.

    Args:
        root: made when missing.
        n: X-rays with one.
        form: "original" (columns and values begin with a blank) or "stage 2".
    """
    blank = " " if form == "original" else ""
    rows = []
    for number in range(n + 1):
        grey, inside = disc(number)
        image = f"1.2.276.0.{number}"
        write_dicom(Path(root, "dicom-images-train", f"study{number}", f"series{number}", f"{image}.dcm"), grey)
        halves = [inside & (np.arange(len(inside)) < 24)[:, None], inside & (np.arange(len(inside)) >= 24)[:, None]]
        parts = halves if number == 0 else [inside]
        rows += [(image, blank + encoded(part)) for part in parts]
    name = "train-rle.csv" if form == "original" else "stage_2_train.csv"
    write_table(Path(root, name), ("ImageId", f"{blank}EncodedPixels"), rows)


def ball(number: int, shape: tuple[int, int, int] = (20, 24, 6)) -> tuple[np.ndarray, np.ndarray]:
    """A head, int16, 0 outside, and the labels of a tumor in its slices 1 to 4, uint8; as BraTS stores them."""
    rng = np.random.default_rng(number)
    grid = np.ogrid[: shape[0], : shape[1], : shape[2]]
    middle = [(side - 1) / 2 for side in shape]
    brain = sum(((axis - at) / (0.55 * side)) ** 2 for axis, at, side in zip(grid, middle, shape, strict=True)) < 1
    centre = rng.uniform(0.4, 0.6, 2) * shape[:2]
    tumor = (grid[0] - centre[0]) ** 2 + (grid[1] - centre[1]) ** 2 < 9
    tumor = tumor & (grid[2] >= 1) & (grid[2] < shape[2] - 1)
    levels = np.where(brain, 400, 0) + np.where(tumor, 500, 0) + brain * rng.integers(0, 60, shape)
    return levels.astype(np.int16), np.where(tumor, 1 + grid[2] % 3, 0).astype(np.uint8)


def write_volume(path: Path, values: np.ndarray, affine: np.ndarray | None = None) -> None:
    """A NIfTI file; by default with the axes of BraTS, which grow to the patient's left, back and top."""
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) if affine is None else affine
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


def brats23_glioma(root: Path | str, n_cases: int = 3, *, form: str = "bare") -> None:
    """Cases of six slices, four of which show a tumor.

    Args:
        root: made when missing.
        n_cases: 1,251 in the real one.
        form: "bare" (cases in root) or "challenge" (in the challenge's folder).
    """
    inside = "ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData" if form == "challenge" else "."
    for number in range(n_cases):
        case = f"BraTS-GLI-{number:05d}-000"
        levels, labels = ball(number)
        for extra, modality in enumerate(MODALITIES):
            write_volume(Path(root, inside, case, f"{case}-{modality}.nii.gz"), levels + np.int16(extra))
        write_volume(Path(root, inside, case, f"{case}-seg.nii.gz"), labels)


def first_and_last(root: Path, benchmark: str) -> tuple[Path, Path]:
    """The two pictures that `spoil` spoils; both show something."""
    pictures = sorted(root.glob(PICTURES[benchmark]))
    return pictures[0], pictures[-1]


def told_missing(root: Path, benchmark: str, gone: Path) -> str:
    """How a fault names a picture that is not there."""
    if benchmark == "siim_acr":
        return gone.name  # its folders, nobody knows
    if benchmark == "udiat":
        return f"GT/{gone.name}"  # what is left
    if benchmark == "segmentation_folder":
        left = gone.parents[1] / gone.parent.name.replace("images", "masks") / f"{gone.stem}.png"
        return left.relative_to(root).as_posix()
    return gone.relative_to(root).as_posix()
