"""Expected errors: what a user can mend is told in one message, everything else keeps its traceback."""

import errno
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class UserError(Exception):
    """Something the user wrote or has to provide is wrong.

    The message says where it was written, what it was, what is allowed, and the nearest match.
    """


def is_full_disk(error: BaseException) -> bool:
    """Whether the error, or one that led to it, is a full disk, a quota or a file-size limit.

    Libraries that write by native code (safetensors, torch) hide the number, so their text is read as well.
    """
    return any(
        (isinstance(cause, OSError) and cause.errno in NO_SPACE)
        or "No space left on device" in str(cause)
        or "File too large" in str(cause)
        for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def told(error: Exception) -> str | None:
    """The one message for an expected error; None for a defect, which deserves its traceback."""
    if isinstance(error, UserError):
        return str(error)
    if is_full_disk(error):
        notes = [note for cause in _causes(error) for note in getattr(cause, "__notes__", [])]
        named = getattr(error, "filename", None)
        place = notes[0] if notes else f"while writing {named}" if named else "while writing"
        return f"The disk is full (or a size limit is reached) {place}: {error}. Make room and run the same again."
    return None


def run_main(main: Callable[..., None]) -> None:
    """Run a verb from the command line; each verb ends with `if __name__ == "__main__":` and this call.

    `main` receives the words of the command line as strings: `main(run)`, `main()`, or `main(*words)` for a verb that
    parses them itself. An expected error ends the process with status 1 and one message on stderr.

    Raises:
        SystemExit: 1 for an expected error, 2 for a wrong number of words.
    """
    words = sys.argv[1:]
    try:
        inspect.signature(main).bind(*words)
    except TypeError:
        wanted = " ".join(name.upper() for name in inspect.signature(main).parameters) or "no words"
        command = f"python -m stages.{Path(sys.argv[0]).stem}"
        print(f"{command} takes {wanted}, but was given: {' '.join(words) or 'nothing'}.", file=sys.stderr)
        raise SystemExit(2) from None
    try:
        main(*words)
    except Exception as error:
        message = told(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        raise SystemExit(1) from None
