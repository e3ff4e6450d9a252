"""Small drawn data in the real layout of each benchmark, and the same with faults: for tests, and for dry runs of whole
experiments on a machine that has no data set.

    python -c "from tests.stages.benchmarks import drawn_layouts as drawn; drawn.imagenet('data/benchmarks/imagenet')"
"""

import csv
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from stages.benchmarks import chexpert_5x200c as chexpert
from stages.benchmarks import imagenet as of_imagenet
from stages.benchmarks import jsrt as of_jsrt
from tests.stages.benchmarks import drawn_masked
from tests.stages.benchmarks.drawn_masked import brats23_glioma, segmentation_folder, siim_acr, udiat, unitochest

RARE = ("gyroscope", "moongate", "tonometer")
OTHER_FINDINGS = ("No Finding", "Lung Opacity", "Support Devices")


@dataclass(frozen=True)
class Spoilt:
    """What `spoil` did, as faults name it; `missing` may be the folder that a file is missing from, or None."""

    corrupt: str
    missing: str | None


def picture(number: int, side: int = 48, kind: str = "JPEG") -> bytes:
    """A file of one square picture: a disc on a ground, whose colours and place follow from the number."""
    rng = np.random.default_rng(number)
    rows, columns = np.ogrid[:side, :side]
    row, column = rng.uniform(0.3, 0.7, 2) * side
    disc = (rows - row) ** 2 + (columns - column) ** 2 < (side / 4) ** 2
    pixels = np.where(disc[..., None], *rng.integers(0, 256, (2, 1, 1, 3), np.uint8))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def write(path: Path, content: bytes) -> Path:
    """A file, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def image_folder(root: Path | str, classes: Sequence[str] = ("arch", "traffic_light"), per_class: int = 3) -> None:
    """ROOT/CLASS/000.jpg ..."""
    for label, name in enumerate(classes):
        for number in range(per_class):
            write(Path(root, name, f"{number:03d}.jpg"), picture(label * per_class + number))


def rare_concepts(root: Path | str, per_class: int = 3) -> None:
    """The paper's three concepts."""
    image_folder(root, RARE, per_class)


def imagenet(root: Path | str, n_classes: int = 1000, per_class: int = 1, *, form: str = "val") -> None:
    """The first classes of ImageNet, each with its first pictures; their numbers are made up.

    Args:
        root: made when missing.
        n_classes: 1 to 1000.
        per_class: 50 in the real one.
        form: "val", "folders" (without val/), or "tar" (archive and development kit).
    """
    wnids = list(of_imagenet.class_names())[:n_classes]
    shown = [wnid for _ in range(per_class) for wnid in wnids]
    pictures = {f"ILSVRC2012_val_{number:08d}.JPEG": wnid for number, wnid in enumerate(shown, 1)}
    if form == "tar":
        devkit(root, list(pictures.values()))
        archive(root, {name: picture(number) for number, name in enumerate(pictures)})
    else:
        for number, (name, wnid) in enumerate(pictures.items()):
            write(Path(root, *(["val"] if form == "val" else []), wnid, name), picture(number))


def archive(root: Path | str, files: dict[str, bytes]) -> None:
    """ROOT/ILSVRC2012_img_val.tar, the last file first: the order in an archive says nothing."""
    with tarfile.open(Path(root, of_imagenet.ARCHIVE), "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in reversed(files.items()):
            add(tar, name, content)


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def devkit(root: Path | str, truth: Sequence[str]) -> None:
    """ROOT/ILSVRC2012_devkit_t12.tar.gz for pictures that show these WordNet ids.

    As in the real one, its own numbers of the classes are another order than that of their ids, and classes of classes
    (here one) follow behind.
    """
    wnids = list(of_imagenet.class_names())[::-1]
    meta, words = io.BytesIO(), "\n".join(str(wnids.index(wnid) + 1) for wnid in truth) + "\n"
    savemat(meta, {"synsets": synsets(wnids)}, do_compression=True)
    Path(root).mkdir(parents=True, exist_ok=True)
    with tarfile.open(Path(root, of_imagenet.DEVKIT), "w:gz", compresslevel=1) as tar:
        add(tar, "ILSVRC2012_devkit_t12/readme.txt", b"drawn\n")
        add(tar, of_imagenet.META, meta.getvalue())
        add(tar, of_imagenet.TRUTH, words.encode())


def synsets(wnids: Sequence[str]) -> np.ndarray:
    """MATLAB's struct array of the development kit: [K + 1, 1], eight fields."""
    names = of_imagenet.class_names()
    fields = [
        "ILSVRC2012_ID",
        "WNID",
        "words",
        "gloss",
        "num_children",
        "children",
        "wordnet_height",
        "num_train_images",
    ]
    table = np.empty((len(wnids) + 1, 1), [(field, object) for field in fields])
    for row, wnid in enumerate(wnids):
        table[row, 0] = (float(row + 1), wnid, names[wnid], "drawn", 0.0, np.zeros((1, 0)), 0.0, 1300.0)
    children = np.arange(1.0, len(wnids) + 1)[None]
    table[-1, 0] = (len(wnids) + 1.0, "n00001740", "entity", "drawn", float(len(wnids)), children, 1.0, 0.0)
    return table


def imagenet100(root: Path | str, n_classes: int = 100, per_class: int = 1) -> None:
    """Labels.json, val.X, and a train.X1 that nobody reads; 100 classes of ImageNet, not those of the real one."""
    names = list(of_imagenet.class_names().items())[:n_classes]
    labels = {wnid: f"{name}, {name} of the second name" for wnid, name in names}
    write(Path(root, "Labels.json"), json.dumps(labels, indent=4).encode())
    for label, wnid in enumerate(labels):
        for number in range(label * per_class, (label + 1) * per_class):
            write(Path(root, "val.X", wnid, f"ILSVRC2012_val_{number + 1:08d}.JPEG"), picture(number))
        write(Path(root, "train.X1", wnid, f"{wnid}_10.JPEG"), b"not read")


def chexpert_5x200c(root: Path | str, per_class: int = 2, *, form: str = "json") -> None:
    """An index and its pictures.

    Args:
        root: made when missing.
        per_class: 200 in the real one.
        form: of the index: "json" (a of the benchmark's page), "imgpath" (b) or "Path" (c).
    """
    rows = []
    for number in range(per_class * len(chexpert.CLASSES)):
        inside = f"train/patient{number + 101:05d}/study{number % 3 + 1}/view1_frontal.jpg"
        grey = Image.open(io.BytesIO(picture(number, 64))).convert("L")
        path = Path(root, "CheXpert-v1.0-small", inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        grey.save(path)
        rows.append((inside, number // per_class))
    index = {"json": index_json, "imgpath": index_imgpath, "Path": index_path}[form]
    index(Path(root), rows)


def index_json(root: Path, rows: Sequence[tuple[str, int]]) -> None:
    said = {
        str(1000 + number): {"image_path": inside, "label": [int(label == which) for which in range(5)]}
        for number, (inside, label) in enumerate(rows)
    }
    write(root / "chexpert_5x200.json", json.dumps(said, indent=4).encode())


def index_imgpath(root: Path, rows: Sequence[tuple[str, int]]) -> None:
    columns = (
        "",
        "imgpath",
        "Sex",
        "Age",
        "Frontal/Lateral",
        "AP/PA",
        *OTHER_FINDINGS,
        *chexpert.FINDINGS,
        "subject_id",
    )
    index_csv(root / "chexpert-5x200-val-meta.csv", columns, "./data/CheXpert/CheXpert-v1.0-small/", rows)


def index_path(root: Path, rows: Sequence[tuple[str, int]]) -> None:
    columns = ("", "Path", "Sex", "Age", *OTHER_FINDINGS, *reversed(chexpert.FINDINGS), "Report Impression")
    index_csv(root / "chexpert_5x200.csv", columns, "CheXpert-v1.0/", rows)


def index_csv(path: Path, columns: Sequence[str], before: str, rows: Sequence[tuple[str, int]]) -> None:
    said = {
        "Sex": "Female",
        "Age": 45,
        "Frontal/Lateral": "Frontal",
        "AP/PA": "PA",
        "Report Impression": "\n1. drawn,\n2. so\n",
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        for number, (inside, label) in enumerate(rows):
            findings = {name: float(which == label) for which, name in enumerate(chexpert.FINDINGS)}
            row = {**said, **dict.fromkeys(OTHER_FINDINGS, 0.0), **findings, "": number, "subject_id": f"p{number}"}
            table.writerow([row.get(column, before + inside) for column in columns])


def jsrt(root: Path | str, n_benign: int = 2, n_malignant: int = 3, *, form: str = "raw") -> None:
    """CLNDAT_EN.txt, X-rays with a nodule, and one without.

    Args:
        root: made when missing.
        n_benign: 54 in the real one.
        n_malignant: 100 in the real one.
        form: "raw" (8 MB each), or "png" (small, with the mirror's jsrt_metadata.csv).
    """
    states = ["malignant"] * n_malignant + ["benign"] * n_benign
    names = [f"JPCLN{number:03d}" for number in range(1, len(states) + 1)]
    if form == "raw":
        for number, name in enumerate((*names, "JPCNN001")):
            write(Path(root, "JPCNN" if name == "JPCNN001" else "Nodule154images", f"{name}.IMG"), xray(number))
        lines = [clinical_line(name, state) for name, state in zip(names, states, strict=True)]
        write(Path(root, "Clinical_Information/CLNDAT_EN.txt"), "".join(lines).encode())
    else:
        for number, name in enumerate((*names, "JPCNN001")):
            write(Path(root, "images/images", f"{name}.png"), picture(number, 64, "PNG"))
        rows = [f"{name}.png,female,62,{state},granuloma\n" for name, state in zip(names, states, strict=True)]
        head = "study_id,gender,age,state,diagnosis\n"
        write(Path(root, "jsrt_metadata.csv"), (head + "".join(rows) + "JPCNN001.png,male,50,non-nodule,\n").encode())


def clinical_line(name: str, state: str) -> str:
    """A line of CLNDAT_EN.txt; every other one has no end, as some of the real ones run together."""
    patient = ("5", "15" if name.endswith("1") else "?", "53", "male", "1634", "692")
    diagnosis = "lung cancer" if state == "malignant" else "granuloma"
    words = (f"{name}.IMG", *patient, state, "l.upper lobe(S1+2)", diagnosis)
    return "\t".join(words) + ("\r\n" if int(name[-1]) % 2 else "")


def xray(number: int) -> bytes:
    """2048 x 2048 levels of 12 bits, high byte first: a film, so that the bright square of a nodule is low."""
    low, high = 600 + 10 * number, 3000
    levels = np.full((of_jsrt.SIDE, of_jsrt.SIDE), high, ">u2")
    levels[900:1100, 700:900] = low
    return levels.tobytes()


def captioned_folder(root: Path | str, n: int = 3) -> None:
    """captions.json and its pictures, one of them in a folder of its own."""
    said = {}
    for number in range(n):
        file = f"{number:03d}.jpg" if number else "first/000.jpg"
        write(Path(root, file), picture(number))
        said[file] = sentences(number, 2)
    write(Path(root, "captions.json"), json.dumps(said).encode())


def sentences(number: int, n: int = 5) -> list[str]:
    """Sentences about the picture of that number, none of which is said of another."""
    words = ("A disc", "There is a disc", 'The "disc", a circle', "A photo of a disc", "One sees a disc")
    return [f"{word}, number {number} ." for word in words[:n]]


def flickr30k(root: Path | str, n: int = 4, *, form: str = "karpathy") -> None:
    """Pictures of the test split, and two of the others, of which one does not lie there.

    Args:
        root: made when missing.
        n: pictures of the test split; 1,000 in the real one.
        form: "karpathy" (a of the benchmark's page), "annotations" (b), "results" (c) or "names" (c, with a list of the
            test split that holds names alone).
    """
    test = {f"{1000092795 + 7 * number}.jpg": sentences(number) for number in range(n)}
    other = {"36979.jpg": sentences(n), "65567.jpg": sentences(n + 1)}
    home = Path(root, "flickr30k_images" if form in ("results", "names") else "flickr30k-images")
    for number, file in enumerate([*test, "36979.jpg"]):
        write(home / file, picture(number))
    if form == "karpathy":
        listed = [("36979.jpg", "train"), *((file, "test") for file in test), ("65567.jpg", "val")]
        karpathy(Path(root, "dataset_flickr30k.json"), {**other, **test}, listed)
    elif form == "annotations":
        annotations(Path(root, "flickr_annotations_30k.csv"), test, other)
    else:
        lines = [f"{file}| {i}|  {text}" for file, said in {**other, **test}.items() for i, text in enumerate(said)]
        write(Path(root, "results.csv"), "\n".join(["image_name| comment_number| comment", *lines, ""]).encode())
        names = [*test] if form == "names" else ["image,caption", *(f"{f},{t}" for f in test for t in test[f])]
        write(Path(root, "flickr30k_test_karpathy.txt"), "\n".join([*names, ""]).encode())


def annotations(path: Path, test: dict[str, list[str]], other: dict[str, list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("raw", "sentids", "split", "filename", "img_id"))
        for number, (name, said) in enumerate({**other, **test}.items()):
            table.writerow((json.dumps(said), "[0]", "test" if name in test else "train", name, number))


def karpathy(
    path: Path, said: dict[str, list[str]], listed: Sequence[tuple[str, str]], folder: str | None = None
) -> None:
    """One of Karpathy's lists of (file, split) pairs."""
    images = []
    for number, (file, split) in enumerate(listed):
        told = [
            {"raw": text, "tokens": text.lower().split(), "imgid": number, "sentid": 5 * number + i}
            for i, text in enumerate(said[file])
        ]
        own = {"filename": file, "split": split, "imgid": number, "sentences": told}
        images.append(own if folder is None else {"filepath": folder, "cocoid": number, **own})
    write(path, json.dumps({"images": images, "dataset": path.stem.removeprefix("dataset_")}).encode())


def mscoco(root: Path | str, n: int = 4) -> None:
    """Pictures of the test split, the last but one with six sentences; one of another split that is not there."""
    test = {f"COCO_val2014_{391895 + 7 * number:012d}.jpg": sentences(number) for number in range(n)}
    for number, (file, said) in enumerate(test.items()):
        write(Path(root, "val2014", file), picture(number))
        if number == n - 2:
            said.append(f"Number {number} has a sixth .")
    listed = [*((file, "test") for file in test), ("COCO_val2014_000000000042.jpg", "restval")]
    said = {**test, "COCO_val2014_000000000042.jpg": sentences(n)}
    karpathy(Path(root, "dataset_coco.json"), said, listed, "val2014")


LAYOUTS = {  # file of stages/benchmarks -> the ways in which its data may lie, each quick to draw
    "image_folder": [image_folder],
    "rare_concepts": [rare_concepts],
    "imagenet": [
        lambda root: imagenet(root, 2, 50),
        lambda root: imagenet(root, 2, 50, form="folders"),
        lambda root: imagenet(root, 2, 3, form="tar"),
    ],
    "imagenet100": [lambda root: imagenet100(root, 2, 50)],
    "chexpert_5x200c": [
        chexpert_5x200c,
        lambda root: chexpert_5x200c(root, form="imgpath"),
        lambda root: chexpert_5x200c(root, form="Path"),
    ],
    "jsrt": [jsrt, lambda root: jsrt(root, form="png")],
    "captioned_folder": [captioned_folder],
    "flickr30k": [
        flickr30k,
        lambda root: flickr30k(root, form="annotations"),
        lambda root: flickr30k(root, form="results"),
        lambda root: flickr30k(root, form="names"),
    ],
    "mscoco": [mscoco],
    "captioning_folder": [captioned_folder],
    "mscoco_captioning": [mscoco],
    "segmentation_folder": [
        segmentation_folder,
        lambda root: segmentation_folder(root, form="classes"),
        lambda root: segmentation_folder(root, form="medclip_sam"),
    ],
    "unitochest": [unitochest],
    "udiat": [udiat],
    "siim_acr": [siim_acr, lambda root: siim_acr(root, form="stage 2")],
    "brats23_glioma": [brats23_glioma, lambda root: brats23_glioma(root, form="challenge")],
}


def spoil(root: Path | str, benchmark: str) -> Spoilt:
    """Cuts off the end of a drawn benchmark's first picture and takes its last away."""
    root = Path(root)
    if (root / of_imagenet.ARCHIVE).exists():
        return spoil_archive(root)
    if benchmark in drawn_masked.PICTURES:
        return spoil_masked(root, benchmark)
    suffixes = (".jpg", ".jpeg", ".png", ".img")
    pictures = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in suffixes and path.is_file()]
    passed_over = ("JPCNN", "36979")  # not asked
    pictures = [path for path in pictures if "train.X1" not in path.parts and not path.name.startswith(passed_over)]
    corrupt, gone = pictures[0], pictures[-1]
    cut(corrupt)
    gone.unlink()
    known = {
        "imagenet": gone.parent.relative_to(root).as_posix(),  # which of its pictures it was, nobody knows
        "imagenet100": gone.parent.relative_to(root).as_posix(),
        "chexpert_5x200c": gone.relative_to(root).as_posix(),
        "jsrt": f"{gone.stem}.IMG",
        **dict.fromkeys(("captioned_folder", "flickr30k", "mscoco"), gone.relative_to(root).as_posix()),
        **dict.fromkeys(("captioning_folder", "mscoco_captioning"), gone.relative_to(root).as_posix()),
    }
    return Spoilt(corrupt.relative_to(root).as_posix(), known.get(benchmark))


def cut(path: Path) -> None:
    """Half of a file, as a transfer leaves it that breaks off."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil_masked(root: Path, benchmark: str) -> Spoilt:
    corrupt, gone = drawn_masked.first_and_last(root, benchmark)
    cut(corrupt)
    gone.unlink()
    return Spoilt(corrupt.relative_to(root).as_posix(), drawn_masked.told_missing(root, benchmark, gone))


def spoil_archive(root: Path) -> Spoilt:
    with tarfile.open(root / of_imagenet.ARCHIVE) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}
    first, last = min(files), max(files)
    files[first] = files[first][: len(files[first]) // 2]
    del files[last]
    archive(root, dict(sorted(files.items())))
    return Spoilt(f"{of_imagenet.ARCHIVE}/{first}", f"{of_imagenet.ARCHIVE}/{last}")
