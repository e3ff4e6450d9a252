"""Files and folders that appear whole or not at all: written under a temporary name beside the goal, then renamed."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8; the old one stays in place until the new one is complete."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file; the old one stays in place until the new one is complete.

    Raises:
        OSError: as the system says, with a note that names the path.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # a full disk may say so only here, and must say so before the rename
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        error.add_note(f"while writing {path}")
        raise


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty temporary folder that takes the place of `path` on success; on an error the old folder stays.

    Example:
        with new_folder(paths.inverted(run)) as folder:
            write_images(folder / "moongate", images)
    """
    temporary = path.with_name(f".{path.name}.part")
    replaced = path.with_name(f".{path.name}.old")
    if replaced.exists() and not path.exists():
        replaced.rename(path)  # an earlier process died between the two renames below
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        shutil.rmtree(replaced, ignore_errors=True)
        if path.exists():
            path.rename(replaced)
        temporary.rename(path)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        error.add_note(f"while writing {path}")
        raise
    shutil.rmtree(replaced, ignore_errors=True)
