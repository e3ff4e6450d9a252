"""Where each thing lies, one function a thing; relative to the project's root, where every verb runs."""

import re
from collections.abc import Iterable
from pathlib import Path

REPORT = Path("data/report")
CACHE = Path(".cache")


def caption(key: str) -> Path:
    """The description of one concept, readable and in git."""
    return Path("captions") / f"{key}.yaml"


def lesson(run: str) -> Path:
    """What a run teaches: its concepts with description and caption."""
    return Path("data/lessons") / f"{run}.json"


def inverted(run: str) -> Path:
    """Folder of all inverted images of a run, one folder a concept."""
    return Path("data/inverted") / run


def inverted_images(run: str, concept: str, seed: int) -> Path:
    """Folder of the inverted images of one concept and seed, with their history.csv."""
    return inverted(run) / concept / f"seed{seed}"


def replay_images(run: str, class_name: str) -> Path:
    """Folder of the images inverted for one class that the model knows already."""
    return inverted(run) / "replay" / slug(class_name)


def checkpoints(run: str) -> Path:
    """Folder of a run's fine-tuned tensors, with their index.json."""
    return Path("data/checkpoints") / run


def rows(run: str) -> Path:
    """Every number measured for a run."""
    return Path("data/rows") / f"{run}.csv"


def choice(run: str) -> Path:
    """The learning rate chosen for each recipe of a run, and the rule that chose it."""
    return Path("data/rows") / f"{run}.choice.json"


def before_after(run: str) -> Path:
    """What each learning rate of a run taught and cost, one line each."""
    return Path("data/rows") / f"{run}.before_after.csv"


def benchmarks(run: str) -> Path:
    """Which pictures a run was asked about, among which classes, and which files could not be used."""
    return Path("data/rows") / f"{run}.benchmarks.json"


def captions(run: str) -> Path:
    """What each model of a run wrote about each picture, where its target asks for captions; else a header alone."""
    return Path("data/rows") / f"{run}.captions.csv"


def masks(run: str) -> Path:
    """The numbers of each picture and model of a run, where its target asks for masks; else a header alone."""
    return Path("data/rows") / f"{run}.masks.csv"


def overlays(run: str) -> Path:
    """Folder of the pictures of a run whose masks changed most, with their index.json; empty but for an empty index."""
    return Path("data/overlays") / run


def answer(digest: str) -> Path:
    """The raw answer of a writer to one request, kept under the request's SHA-256."""
    return CACHE / "answers" / f"{digest}.json"


def slug(class_name: str) -> str:
    """A class name as a folder name: "traffic light" gives "traffic_light".

    Raises:
        ValueError: nothing of the name is a letter or a digit.
    """
    safe = re.sub(r"[^\w-]+", "_", class_name).strip("_")
    if not any(map(str.isalnum, safe)):
        raise ValueError(f"class name {class_name!r} holds no letter or digit, so it gives no folder name")
    return safe


def same_folder(class_names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that give one folder, on a disk that takes small letters for capitals; None: all differ.

    Raises:
        ValueError: nothing of a name is a letter or a digit.
    """
    named: dict[str, str] = {}
    for name in class_names:
        folder = slug(name).casefold()
        if folder in named:
            return named[folder], name
        named[folder] = name
    return None
