"""Prefect's REST interface: where it is, and one request to it.  Standard library only.

Importing Prefect would cost each stage 3 s.
"""

import base64
import json
import os
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.processes import Process

HOME = Path(".prefect")  # state of the server that `python -m pipeline serve` starts
ADDRESS = HOME / "address"  # while it runs: its API's address, its process
VARIABLE = "PREFECT_API_URL"
TIMEOUT_S = 10.0  # of each request
PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)  # before the next try, where several clients wrote to the server's SQLite at once
AT_HOME = ("127.0.0.1", "localhost", "::1")

Answer = dict[str, Any] | list[Any] | int | bool | None


class UnansweredError(Exception):
    """A request that came to nothing; its text is the reason.

    Attributes:
        is_slow: whether the server kept us waiting for it.
        is_busy: whether the server asks to try again.
    """

    def __init__(self, reason: str, *, is_slow: bool = False, is_busy: bool = False) -> None:
        super().__init__(reason)
        self.is_slow, self.is_busy = is_slow, is_busy


def address() -> str | None:
    """The API of the server that is configured, or of the one that `serve` runs for this project; None for neither."""
    return os.environ.get(VARIABLE, "").rstrip("/") or served()


def served() -> str | None:
    """The API of the server that `serve` runs for this project at this moment; None where it does not."""
    with suppress(OSError, ValueError):
        url, pid, started = ADDRESS.read_text(encoding="utf-8").split()
        return url if Process(int(pid), started).is_running() else None
    return None


def call(url: str, path: str, body: object = None, method: str = "POST") -> Answer:
    """One request to Prefect's REST interface.

    Args:
        url: of the API, ".../api".
        path: of the request, "/flows/".
        body: goes out as JSON; None for none.
        method: of HTTP.

    Raises:
        UnansweredError: no connection, no answer in time, an error, or no JSON.
    """
    for pause in PAUSES_S:
        try:
            return _answer(url, path, body, method)
        except UnansweredError as reason:
            if not reason.is_busy:
                raise
        time.sleep(pause * random.uniform(0.5, 1.5))  # so that those who met do not meet again
    return _answer(url, path, body, method)


def _answer(url: str, path: str, body: object, method: str) -> Answer:
    from http.client import HTTPException  # here, because they take 0.07 s, and a stage may start meanwhile
    from urllib.parse import urlsplit
    from urllib.request import ProxyHandler, Request, build_opener

    try:
        data = None if body is None else json.dumps(body).encode()
        request = Request(url + path, data, {"content-type": "application/json", **_authority()}, method=method)
        proxies = ProxyHandler({} if urlsplit(url).hostname in AT_HOME else None)  # no proxy leads back to this machine
        with build_opener(proxies).open(request, timeout=TIMEOUT_S) as response:
            content = response.read()
        return json.loads(content) if content else None
    except (OSError, HTTPException, ValueError) as error:
        raise _told(error) from error


def _authority() -> dict[str, str]:
    if pair := os.environ.get("PREFECT_API_AUTH_STRING"):  # first, as in Prefect's own client
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    if key := os.environ.get("PREFECT_API_KEY"):
        return {"authorization": f"Bearer {key}"}
    return {}


def _told(error: Exception) -> UnansweredError:
    cause = getattr(error, "reason", error)  # of a URLError; that of an HTTPError is its text
    if isinstance(cause, TimeoutError):
        return UnansweredError(f"no answer within {TIMEOUT_S:g} s", is_slow=True)
    if code := getattr(error, "code", None):
        return UnansweredError(f"{code} {cause}", is_busy=code == 503)
    return UnansweredError(getattr(cause, "strerror", None) or str(cause) or type(cause).__name__)


def made(url: str, path: str, body: dict[str, Any]) -> str:
    """The id of what a request has made; arguments and errors as those of `call`."""
    answer = call(url, path, body)
    if not isinstance(answer, dict) or "id" not in answer:
        raise UnansweredError("this is no API of Prefect")
    return answer["id"]
