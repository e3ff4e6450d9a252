"""A folder for each class: ROOT/CLASS/*.png, or another of the suffixes in stages/common/picture_files.py.

The class is the folder's name with underscores read as spaces: ROOT/traffic_light holds pictures of "traffic light".
Files named *.mask.png are masks that belong to a picture; they and all files that are no pictures are passed over, and
so are folders inside a class.

Source, licence, number of classes and chance are those of the pictures that lie there. The drawn world, which `draw`
makes under data/world, has this form; ImageNet has it too once its folders are named by class names.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path

from stages.benchmarks.contract import Benchmark
from stages.common.failures import UserError
from stages.common.lookup import nearest
from stages.common.paths import same_folder, slug
from stages.common.picture_files import SUFFIXES, fault, pictures_of

SHOWN = 5  # files or classes listed in an error


def load(root: Path, classes: list[str] | None) -> Benchmark:
    """Finds the pictures of each class and reads every one once.

    Args:
        root: the folder of class folders.
        classes: names (with spaces) to restrict to, in this order; None for all folders, sorted by name.

    Raises:
        UserError: root or a class folder is missing, two folders or two asked classes read as one, a class has no
            picture, or pictures cannot be read; the message counts them and lists the first few.
    """
    if classes and (shared := same_folder(classes)):
        first, second = shared
        raise UserError(f"{root}: the classes {first!r} and {second!r} read as one folder. Rename one of them.")
    folders = _class_folders(root)
    names = [folder.name.replace("_", " ") for folder in folders.values()] if classes is None else classes
    chosen = [folders.get(slug(name)) for name in names]
    missing = [name for name, folder in zip(names, chosen, strict=True) if folder is None]
    if missing:
        raise UserError(
            f"{root} has no folder for {len(missing)} of {len(names)} classes: {_listed(missing)}."
            f"{nearest(slug(missing[0]), folders)} It has: {_listed(folders)}."
        )
    pictures = [_pictures(folder) for folder in chosen]
    _refuse_unreadable(root, list(itertools.chain(*pictures)))
    return Benchmark(
        name=root.name,
        task="classification",
        class_names=tuple(names),
        paths=tuple(itertools.chain(*pictures)),
        labels=tuple(label for label, found in enumerate(pictures) for _ in found),
    )


def _class_folders(root: Path) -> dict[str, Path]:
    """Slug of the class -> its folder."""
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder. Put one folder for each class there, with its pictures.")
    folders: dict[str, Path] = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        same = folders.setdefault(slug(folder.name.replace(" ", "_")), folder)
        if same != folder:
            raise UserError(f"{root}: the folders {same.name!r} and {folder.name!r} read as one class. Join them.")
    if not folders:
        raise UserError(f"{root} holds no folders. Put one folder for each class there, with its pictures.")
    return folders


def _pictures(folder: Path) -> list[Path]:
    pictures = pictures_of(folder)
    if not pictures:
        files = sorted(path for path in folder.iterdir() if path.is_file())
        others = f"{len(files)} other files ({_listed(path.name for path in files)})" if files else "nothing else"
        raise UserError(f"{folder} holds no pictures, but {others}. A picture ends in {', '.join(SUFFIXES)}.")
    return pictures


def _refuse_unreadable(root: Path, pictures: list[Path]) -> None:
    broken = [f"{path.relative_to(root)} ({reason})" for path in pictures if (reason := fault(path))]
    if broken:
        raise UserError(
            f"{root}: {len(broken)} of {len(pictures)} pictures cannot be read: {_listed(broken)}. "
            "Replace or remove them."
        )


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(map(str, shown[:SHOWN])) + (", ..." if len(shown) > SHOWN else "")
