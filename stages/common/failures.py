"""Expected errors: what a user can mend is told in one message, everything else keeps its traceback."""

import errno
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


class Attempts:
    """Several keys in one process: what goes wrong with one is told at once, and the others go on.

    Each key gets one line, "KEY: done" or "KEY: failed: <message>". A key that is alone gets none: its error is raised
    as it is.

    Attributes:
        keys: each once, in the order given.
        failed: those that something went wrong with.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = tuple(dict.fromkeys(keys))
        self.failed: list[str] = []

    @contextmanager
    def of(self, key: str) -> Iterator[None]:
        """Work on one key; an error inside ends the work, is told, and goes no further."""
        try:
            yield
        except Exception as error:
            if len(self.keys) == 1:
                raise
            self.failed.append(key)
            message = told(error) or "".join(traceback.format_exception(error))
            print(f"{key}: failed: {message}", file=sys.stderr, flush=True)

    def done(self, key: str) -> None:
        """Say that the result of a key is there."""
        if len(self.keys) > 1:
            print(f"{key}: done", flush=True)

    def end(self) -> None:
        """Close the work on all keys.

        Raises:
            UserError: some have failed; the message names them.
        """
        if self.failed:
            raise UserError(f"{len(self.failed)} of {len(self.keys)} failed: {', '.join(self.failed)}.")


def each(keys: Iterable[str], work: Callable[[str], None]) -> None:
    """Do the work of every key, one after the other, whether another fails or not.

    Raises:
        UserError: some have failed. The error of a key that is alone is raised as it is.
    """
    attempts = Attempts(keys)
    for key in attempts.keys:
        with attempts.of(key):
            work(key)
            attempts.done(key)
    attempts.end()


def run_main(main: Callable[..., None]) -> None:
    """Run a verb from the command line; each verb ends with `if __name__ == "__main__":` and this call.

    `main` receives the words of the command line as strings: `main(key, *more)`, `main()`, or `main(*words)` for a verb
    that parses them itself. An expected error ends the process with status 1 and one message on stderr.

    Raises:
        SystemExit: 1 for an expected error, 2 for a wrong number of words.
    """
    words = sys.argv[1:]
    try:
        inspect.signature(main).bind(*words)
    except TypeError:
        wanted = " ".join(map(_asked_for, inspect.signature(main).parameters.values())) or "no words"
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


def _asked_for(word: inspect.Parameter) -> str:
    return f"[{word.name.upper()}...]" if word.kind == word.VAR_POSITIONAL else word.name.upper()
