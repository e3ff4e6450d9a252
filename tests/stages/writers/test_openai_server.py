"""A real server on this machine answers, refuses, dawdles and talks nonsense."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stages.common.failures import UserError
from stages.common.params import Describe
from stages.writers import openai_server

SETTINGS = Describe("openai_server", "toy-1", max_words=40, temperature=0.2, seed=5, attempts=3, timeout_seconds=5.0)
GOOD = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "a ring"}}]})

Reply = tuple[int, str]


class Server:
    """Gives the prepared replies in turn, the last one for good, and remembers what it was asked."""

    def __init__(self, replies: list[Reply], seconds: float = 0.0) -> None:
        self.replies, self.seconds = replies, seconds
        self.asked: list[dict] = []
        self.keys: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                server.keys.append(self.headers.get("authorization"))
                time.sleep(server.seconds)
                status, body = server.replies.pop(0) if len(server.replies) > 1 else server.replies[0]
                with contextlib.suppress(BrokenPipeError):  # who asked has given up waiting
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("retry-after-ms", "1")
                    self.end_headers()
                    self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.settings = replace(SETTINGS, base_url=f"http://127.0.0.1:{self.http.server_port}/v1")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    for name in ("OPENAI_API_KEY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    servers: list[Server] = []

    def start(*replies: Reply, seconds: float = 0.0) -> Server:
        servers.append(Server(list(replies), seconds))
        return servers[-1]

    yield start
    for server in servers:
        server.http.shutdown()
        server.http.server_close()


def test_the_prompt_goes_out_with_model_seed_and_temperature_and_the_text_comes_back(serve) -> None:
    server = serve((200, GOOD))
    assert openai_server.write("describe it", server.settings) == "a ring"
    (asked,) = server.asked
    assert (asked["model"], asked["seed"], asked["temperature"]) == ("toy-1", 5, 0.2)
    assert asked["messages"] == [{"role": "user", "content": "describe it"}]
    assert server.keys == ["Bearer EMPTY"]


def test_the_key_is_taken_from_the_environment(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve((200, GOOD))
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    openai_server.write("describe it", server.settings)
    assert server.keys == ["Bearer mine"]


def test_a_busy_server_is_asked_again(serve) -> None:
    server = serve((429, "{}"), (500, "{}"), (200, GOOD))
    assert openai_server.write("describe it", server.settings) == "a ring"
    assert len(server.asked) == 3


def test_a_server_that_stays_busy_is_given_up(serve) -> None:
    server = serve((429, '{"error": "busy"}'))
    with pytest.raises(UserError, match="refused with status 429.*busy"):
        openai_server.write("describe it", server.settings)
    assert len(server.asked) == 1 + openai_server.MAX_RETRIES


def test_an_unknown_model_is_told_with_the_server_s_own_words(serve) -> None:
    server = serve((404, '{"error": {"message": "no model toy-1"}}'))
    with pytest.raises(UserError, match="asked for 'toy-1': it refused with status 404: .*no model toy-1"):
        openai_server.write("describe it", server.settings)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_asked_for(serve, status: int) -> None:
    server = serve((status, '{"error": "who are you?"}'))
    with pytest.raises(UserError, match=f"status {status}: .*who are you.*right key in OPENAI_API_KEY"):
        openai_server.write("describe it", server.settings)


def test_an_answer_that_the_server_cut_is_refused(serve) -> None:
    cut = json.dumps({"choices": [{"finish_reason": "length", "message": {"content": "a ring of"}}]})
    server = serve((200, cut))
    with pytest.raises(UserError, match="cut at the server's own limit of tokens: 'a ring of'"):
        openai_server.write("describe it", server.settings)


def test_a_server_that_is_down_is_told_with_its_address(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_server, "MAX_RETRIES", 0)
    server = serve((200, GOOD))
    server.http.server_close()
    with pytest.raises(
        UserError, match=f"{server.settings.base_url} .*nothing answers there.*into params.yaml yourself"
    ):
        openai_server.write("describe it", replace(server.settings, timeout_seconds=0.5))


def test_a_slow_server_is_asked_again_and_then_given_up(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_server, "MAX_RETRIES", 1)
    server = serve((200, GOOD), seconds=1.0)
    with pytest.raises(UserError, match=r"within describe.timeout_seconds \(0.2 s\), at none of 2 times"):
        openai_server.write("describe it", replace(server.settings, timeout_seconds=0.2))
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>hello</html>",
        "[]",
        "{}",
        '{"choices": []}',
        '{"choices": [[]]}',
        '{"choices": [{"message": {"content": null}}]}',
        "null",
    ],
)
def test_nonsense_is_shown_and_refused(serve, body: str) -> None:
    server = serve((200, body))
    with pytest.raises(UserError) as caught:
        openai_server.write("describe it", server.settings)
    assert "what came is no chat completion" in str(caught.value)
    assert body in str(caught.value)


def test_a_missing_address_is_asked_for() -> None:
    with pytest.raises(UserError, match="lacks the key 'base_url'"):
        openai_server.write("describe it", SETTINGS)
