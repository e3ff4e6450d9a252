"""Files and folders that appear whole or not at all: written under a temporary name beside the goal, then renamed.

The temporary name holds the number of the process, so that two that write the same do not meet.
"""

import contextlib
import fcntl
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
    temporary = _beside(path)
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
def only_one(path: Path) -> Iterator[None]:
    """While open, no other process is inside for the same path; whoever comes later waits.

    Args:
        path: of what is made inside; a file beside it, PATH.lock, carries the lock and stays there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the system gives it back when the process ends, however it does
        yield


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty temporary folder that takes the place of `path` on success; on an error the old folder stays.

    Example:
        with new_folder(paths.inverted(run)) as folder:
            write_images(folder / "moongate", images)
    """
    temporary = _beside(path)
    replaced = path.with_name(f".{path.name}.old")
    if replaced.exists() and not path.exists():
        replaced.rename(path)  # an earlier process died between the two renames below
    try:
        _sweep(path)
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


def _beside(path: Path) -> Path:
    """Where this process, and no other, writes what will become `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _sweep(path: Path) -> None:
    """Remove what processes that were killed, or an earlier try of this one, left beside `path`."""
    for left in path.parent.glob(f".{path.name}.*.part"):
        pid = left.name.split(".")[-2]
        if pid == str(os.getpid()) or not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
