"""Finished chunks of images, kept under a fingerprint of all that made them: what is there is not computed again."""

import hashlib
import json
import sys
from collections.abc import Collection
from functools import cache
from importlib.metadata import version
from pathlib import Path

from stages.common import paths

LIBRARIES = ("torch", "open_clip_torch", "timm", "transformers", "numpy", "pillow")
SHOWING = ("figures", "metrics", "tables")  # folders of stages/


def fingerprint(*facts: object, code: Collection[str] | None = None) -> str:
    """SHA-256 of plain facts, of the libraries that compute, and of every file of this project that is loaded.

    Files of SHOWING do not count: they show and count what was computed, and nothing that is kept comes from them.

    Args:
        facts: what JSON can hold.
        code: dotted names of the only modules that count, where what else a process has loaded does not matter; they
            are loaded. None: all.
    """
    counts = code.__contains__ if code is not None else lambda name: name == "__main__" or name.startswith("stages.")
    ours = [module for name, module in sys.modules.items() if counts(name)]
    files = frozenset(file for module in ours if (file := getattr(module, "__file__", None)))
    text = json.dumps([facts, *computing(files)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def computing(files: frozenset[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Versions of the libraries, and digests of these files as this process has loaded them."""
    home = Path(__file__).resolve().parents[1]
    places = {path: path.relative_to(home) for file in files if (path := Path(file).resolve()).is_relative_to(home)}
    code = {str(place): digest(path) for path, place in places.items() if place.parts[0] not in SHOWING}
    return {name: version(name) for name in LIBRARIES}, code


def digest(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
    content = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            content.update(str(file.relative_to(path)).encode())
            with file.open("rb") as stream:
                content.update(hashlib.file_digest(stream, "sha256").digest())
    return content.hexdigest()


def chunk(mark: str) -> Path:
    """Where the finished chunk of this fingerprint lies, whether it exists or not."""
    return paths.CACHE / "inverted" / mark


def shown(mark: str) -> Path:
    """Where what shows chunks lies, of this fingerprint of theirs, whether it exists or not."""
    return paths.CACHE / "shown" / mark


def unfinished(mark: str) -> Path:
    """Where the state of an unfinished chunk lies, to go on after a kill."""
    return paths.CACHE / "inverted" / f"{mark}.state.pt"
