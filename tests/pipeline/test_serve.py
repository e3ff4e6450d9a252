"""Real servers of Prefect in the slow tests; in the quick ones a stand-in that starts at once."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import api
from pipeline.processes import Process, _look
from tests.pipeline.server import environment, free_port, running

# Python finds it in the current folder before the one that is installed
STAND_IN = """\
import http.server, os, pathlib, sys, threading

class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"true")
        if pathlib.Path("die").exists():
            threading.Timer(0.5, os._exit, [3]).start()

pathlib.Path("pid").write_text(str(os.getpid()))
http.server.HTTPServer(("127.0.0.1", int(sys.argv[-1])), Healthy).serve_forever()
"""


@pytest.fixture
def house(tmp_path):
    (tmp_path / "prefect.py").write_text(STAND_IN)
    return tmp_path


def serve(folder, port):
    command = [sys.executable, "-m", "pipeline", "serve", "--port", str(port)]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60)


def child_of(folder):
    pid = int((folder / "pid").read_text())
    return Process(pid, _look(pid).started)


def wait_until_gone(process):
    end = time.monotonic() + 10
    while process.is_running():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_leaves_nothing_behind_when_it_is_stopped(house, number):
    with running(house) as server:
        url, *process = (house / ".prefect/address").read_text().split()
        assert (url, process[0]) == (server.url, str(server.process.pid))
        child = child_of(house)
        assert server.stop(number) == (0, "The server has stopped.\n", "")
    wait_until_gone(child)
    assert not (house / ".prefect/address").exists()


def test_others_find_it_while_it_runs_and_not_when_its_address_is_stale(house, monkeypatch):
    monkeypatch.chdir(house)
    monkeypatch.delenv(api.VARIABLE, raising=False)
    assert api.address() is None
    with running(house) as server:
        assert api.address() == server.url
        monkeypatch.setenv(api.VARIABLE, "http://elsewhere/api/")
        assert api.address() == "http://elsewhere/api"
        monkeypatch.delenv(api.VARIABLE)
        child = child_of(house)
        server.stop(signal.SIGKILL)
    assert Path(".prefect/address").exists()
    assert api.address() is None
    if sys.platform == "linux":
        wait_until_gone(child)
        with running(house) as server:
            assert api.address() == server.url


def test_a_second_server_of_a_project_is_refused_with_the_address_of_the_first(house):
    with running(house) as server:
        done = serve(house, free_port())
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"A server of this project runs already: {server.url}.\n"
        assert api.call(server.url, "/health", method="GET") is True


def test_a_port_that_is_taken_is_one_line(house):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve(house, port)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Port {port} cannot be had: Address already in use. Choose another with --port.\n"


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_does_not_exist_is_one_line(house, port):
    done = serve(house, port)
    assert done.returncode == 1
    assert done.stderr == f"There is no port {port}, but 1 to 65535.\n"


def test_a_server_that_does_not_come_up_is_one_line(house):
    (house / "prefect.py").write_text("import sys; sys.exit('no database')")
    done = serve(house, free_port())
    assert done.returncode == 1
    assert done.stderr == "Prefect's server did not come up; .prefect/server.log says why.\n"
    assert (house / ".prefect/server.log").read_text() == "no database\n"


def test_a_server_that_dies_is_one_line(house):
    (house / "die").touch()
    done = serve(house, free_port())
    assert done.returncode == 1
    assert done.stderr == "Prefect's server ended by itself; .prefect/server.log says why.\n"
    assert not (house / ".prefect/address").exists()


def test_a_server_is_found_although_the_way_out_leads_through_a_proxy(house, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("no_proxy", "")
    with running(house) as server:
        assert api.call(server.url, "/health", method="GET") is True


@pytest.mark.slow
def test_the_page_asks_the_port_that_it_is_served_on(server):
    settings = api.call(server.url.removesuffix("/api"), "/ui-settings", method="GET")
    assert settings["api_url"] == server.url
    told = api.call(server.url, "/admin/settings", method="GET")
    assert told["server"]["analytics_enabled"] is False
    assert Path(told["home"]) == server.folder.resolve() / ".prefect"


@pytest.mark.slow
def test_what_was_running_when_all_was_killed_is_closed_at_the_next_start(tmp_path):
    running_now = {"state": {"type": "RUNNING", "name": "Running"}}
    with running(tmp_path) as server:
        flow = api.made(server.url, "/flows/", {"name": "any"})
        here, me = f"host:{os.uname().nodename}", _look(os.getpid()).started
        for name, *tags in (
            ("killed", here, f"pid:{os.getpid()}", "started:before"),
            ("alive", here, f"pid:{os.getpid()}", f"started:{me}"),
            ("elsewhere", "host:another", f"pid:{os.getpid()}", "started:before"),
            ("by hand", here, "pid:any", "started:"),
        ):
            api.made(server.url, "/flow_runs/", {"flow_id": flow, "name": name, "tags": ["x", *tags], **running_now})
        server.stop(signal.SIGKILL)
    with running(tmp_path) as server:
        states = {run["name"]: (run["state"]["name"], run["state"]["message"]) for run in server.flow_runs("x")}
        code, out, errors = server.stop()
    assert states.pop("killed") == ("Crashed", "its process was killed")
    assert states == dict.fromkeys(("alive", "elsewhere", "by hand"), ("Running", None))
    assert (code, out, errors) == (0, "The server has stopped.\n", "")


def test_a_deployment_with_a_schedule_gets_its_runs_from_the_server(server):
    flow = api.made(server.url, "/flows/", {"name": "by the clock"})
    hourly = {"active": True, "schedule": {"interval": 3600}}
    made = {"name": "hourly", "flow_id": flow, "schedules": [hourly], "entrypoint": "pipeline.flow:run"}
    deployment = api.made(server.url, "/deployments/", made)
    wanted = {"deployments": {"id": {"any_": [deployment]}}}
    until = time.monotonic() + 90
    while not (found := api.call(server.url, "/flow_runs/filter", wanted)):
        assert time.monotonic() < until, "no run was scheduled"
        time.sleep(0.5)
    assert {run["state_type"] for run in found} == {"SCHEDULED"}
    api.call(server.url, f"/deployments/{deployment}", method="DELETE")
