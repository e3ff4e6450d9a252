"""Commands as children: each in a process group of its own, its lines passed on as they come, none left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

GRACE_S = 15.0  # from a request to end until the kill; longer than pipeline/stage.py gives its own child


class Children:
    """The commands that run at the moment.  Safe to use from several threads.

    Attributes:
        is_ending: whether all were told to end; no more are started then.
    """

    def __init__(self) -> None:
        self.is_ending = False
        self._running: set[subprocess.Popen[str]] = set()
        self._mutex = threading.Lock()

    def run(self, command: str, environment: Mapping[str, str], hear: Callable[[str], None]) -> int:
        """Run a shell command to its end.

        Args:
            command: for /bin/sh; `python` is the one that runs this.
            environment: what is added to our own.
            hear: gets every line that it prints, as it comes.

        Returns:
            Its exit code; 128 + n where signal n ended it.
        """
        child = self._start(command, environment)
        if child is None:
            return 128 + signal.SIGTERM
        try:
            for line in child.stdout:
                if text := line.rstrip():
                    hear(text)
            code = child.wait()
        finally:
            with self._mutex:
                self._running.discard(child)
        return code if code >= 0 else 128 - code

    def _start(self, command: str, environment: Mapping[str, str]) -> subprocess.Popen[str] | None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        with self._mutex:
            if self.is_ending:
                return None
            child = subprocess.Popen(
                ["/bin/sh", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **environment},
                process_group=0,  # pipeline/stage.py ends by itself when we are killed
            )
            self._running.add(child)
        return child

    def end(self) -> None:
        """Ask all to end, and kill those that have not after GRACE_S."""
        with self._mutex:
            self.is_ending = True
        until = time.monotonic() + GRACE_S
        self._signal(signal.SIGTERM)
        while self._alive() and time.monotonic() < until:
            time.sleep(0.05)
        self._signal(signal.SIGKILL)

    def _alive(self) -> list[subprocess.Popen[str]]:
        with self._mutex:
            return [child for child in self._running if child.poll() is None]

    def _signal(self, number: int) -> None:
        for child in self._alive():
            with suppress(ProcessLookupError):
                os.killpg(child.pid, number)
