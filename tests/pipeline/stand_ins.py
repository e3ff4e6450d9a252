"""Bad servers, which start at once: one that gives a few answers, one that gives none."""

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def listening(answers):
    """A server that gives these answers, one a request, then drops whoever asks; what it was asked.  "" is: busy."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, dict(self.headers), content))
            if len(asked) > len(answers):
                return self.connection.close()
            answer = answers[len(asked) - 1]
            self.send_response(200 if answer else 503)
            self.end_headers()
            self.wfile.write(answer.encode())

        do_PATCH = do_POST  # noqa: N815 - as http.server has it

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api", asked
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mute():
    """A server that takes every connection, and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"
