"""A Prefect server for this project: on this machine alone, its state in .prefect, nothing told to anybody.

    python -m pipeline serve [--port PORT]

While it runs, `dvc repro` in this folder shows itself in its UI.  Standard library only; Prefect runs as a child.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO

from pipeline import api, processes, reporter
from pipeline.mistakes import UserError

HOST = "127.0.0.1"
PORT = 4200
LOG = api.HOME / "server.log"
PATIENCE_S = 180.0  # the first start makes the database
GRACE_S = 10.0


def main(port: int) -> list[str]:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        port: of 127.0.0.1.

    Returns:
        What is left to say.

    Raises:
        UserError: a server of this project runs already, the port cannot be had, or the server ends by itself.
    """
    with suppress(KeyboardInterrupt), _interruptible(), _log() as log:
        _refuse_taken(port)
        print("Starting Prefect's server; the first time takes half a minute ...", flush=True)
        with _server(log, port) as server:
            _wait(server, _url(port))
            _announce(_url(port))
            print(
                f"Open http://{HOST}:{port} - `dvc repro` in this folder shows itself there. Ctrl-C stops it.",
                flush=True,
            )
            server.wait()
            raise UserError(f"Prefect's server ended by itself; {LOG} says why.")
    return ["The server has stopped."]


def _url(port: int) -> str:
    return f"http://{HOST}:{port}/api"


def _refuse_taken(port: int) -> None:
    if not 0 < port < 1 << 16:
        raise UserError(f"There is no port {port}, but 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(f"Port {port} cannot be had: {error.strerror}. Choose another with --port.") from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends us as Ctrl-C does; so does SIGINT, even where a script has started us in its background."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _log() -> Iterator[IO[bytes]]:
    """The server's log, locked as long as a server of this project lives: two would share one database."""
    api.HOME.mkdir(exist_ok=True)
    with LOG.open("ab") as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"A server of this project runs already: {api.served() or 'it is starting'}.") from None
        log.truncate(0)
        yield log


@contextmanager
def _server(log: IO[bytes], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a child in a group of its own, which ends with this block however it is left."""
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=_environment(port),
        process_group=0,
        preexec_fn=partial(processes.die_with_parent, signal.SIGKILL, os.getpid()),
    )
    try:
        yield server
    finally:
        api.ADDRESS.unlink(missing_ok=True)
        _stop(server)


def _environment(port: int) -> dict[str, str]:
    """Prefect's own settings; the UI asks port 4200 unless told, whatever port it is served on."""
    own = {
        "PREFECT_HOME": str(api.HOME.resolve()),
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": _url(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**inherited, **own}


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and server.poll() is None:
        with suppress(api.UnansweredError):
            if api.call(url, "/health", method="GET") is True:
                return
        time.sleep(0.3)
    raise UserError(f"Prefect's server did not come up; {LOG} says why.")


def _announce(url: str) -> None:
    """Tell `dvc repro` where the server is, and close what has ended while there was none."""
    me = processes.this()
    api.ADDRESS.write_text(f"{url} {me.pid} {me.started}\n", encoding="utf-8")
    with suppress(api.UnansweredError):
        reporter.close_dead(url)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, and kill it where it has not GRACE_S later, or at another Ctrl-C."""
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        server.terminate()
        server.wait(GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
