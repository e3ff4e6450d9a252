"""One checkout, one run at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.mistakes import UserError

HOLDER = Path(".dvc/tmp/pipeline.lock")  # names the process that holds it


@contextmanager
def alone(*, waits: bool = False) -> Iterator[None]:
    """While open, no other `pipeline run` works in this checkout.

    Args:
        waits: until another one has ended; else it is an error.

    Raises:
        UserError: another one is at work; it is named. Or this is no DVC repository.
    """
    if not HOLDER.parents[1].is_dir():
        raise UserError(f"{Path.cwd()} is not the root of a DVC repository: there is no {HOLDER.parents[1]}.")
    HOLDER.parent.mkdir(exist_ok=True)
    with HOLDER.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"`pipeline run` is at work in this checkout already (process {file.read().strip()}). Wait until it "
                "has ended, or stop it with Ctrl-C where it runs."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
