"""What `dvc repro` shows of itself: a real DVC, and a real server in the slow tests; in the quick ones a bad server."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline import api, reporter
from tests.pipeline.server import dvc, environment, free_port, lay_out
from tests.pipeline.stand_ins import listening, mute

STAGE = "import sys; from pipeline import api, reporter, stage; sys.exit(stage.run('act', sys.argv[1:]))"
IMPATIENT = STAGE.replace("stage;", "stage; api.TIMEOUT_S = 0.6;")
UNDER_DVC = {"DVC_STAGE": "act@kite"}
SLEEP = 'print("works", flush=True); time.sleep(60)'


@pytest.fixture
def house(tmp_path):
    """`house(code)` writes the only item; `house.run(...)` runs it as DVC does."""
    lines = 'print("one")\nprint("two", file=sys.stderr)\nsys.stdout.write("no newline")'

    def write(code=lines):
        (tmp_path / "stages").mkdir(exist_ok=True)
        (tmp_path / "stages/__init__.py").touch()
        (tmp_path / "stages/act.py").write_text(f"import os, sys, time\n{code}\n")

    def run(url, *options, script=STAGE, **more):
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, *options, "-c", script],
            cwd=tmp_path,
            env=environment(**{"PREFECT_API_URL": url, **UNDER_DVC, **more}),
            capture_output=True,
            text=True,
            timeout=60,
        )
        done.seconds = time.monotonic() - begun
        return done

    write.run, write.root = run, tmp_path
    write()
    return write


# flow, flow run, one task run already, so that nobody starts to watch, task run
OPENED = ['{"id": "f"}', '{"id": "r"}', "1", '{"id": "t"}']


def test_a_server_that_is_down_costs_one_line_and_the_stage_runs(house):
    url = f"http://127.0.0.1:{free_port()}/api"
    done = house.run(url)
    assert (done.returncode, done.stdout) == (0, "one\ntwo\nno newline")
    assert done.stderr == f"{url}: Connection refused; Prefect does not show this stage.\n"


def test_a_server_that_never_answers_is_waited_for_once_in_a_run_of_dvc(house):
    with mute() as url:
        first, second = house.run(url, script=IMPATIENT), house.run(url, script=IMPATIENT)
    assert first.stderr == f"{url}: no answer within 0.6 s; Prefect does not show this stage.\n"
    assert first.seconds < 3
    assert second.stderr == ""
    assert {done.stdout for done in (first, second)} == {"one\ntwo\nno newline"}
    assert {done.returncode for done in (first, second)} == {0}


def test_a_server_that_takes_too_long_in_all_is_not_waited_for(house):
    with mute() as url:
        done = house.run(url, script=STAGE.replace("stage;", "stage; reporter.END_S = 0.3;"))
    assert done.stderr == f"{url}: it takes too long; Prefect does not show this stage.\n"
    assert done.returncode == 0 and done.seconds < 3


def test_a_server_that_dies_in_the_middle_costs_one_line_and_the_stage_goes_on(house):
    house('print("a", flush=True)\ntime.sleep(1.5)\nprint("b", flush=True)\ntime.sleep(1.5)\nsys.exit(3)')
    with listening(OPENED) as (url, asked):
        done = house.run(url)
    assert (done.returncode, done.stdout) == (3, "a\nb\n")
    assert done.stderr.startswith(f"{url}: ") and done.stderr.count("\n") == 1
    assert done.stderr.endswith("Prefect does not show the rest of this stage.\n")
    assert [path for path, *_ in asked] == [
        "/api/flows/",
        "/api/flow_runs/",
        "/api/task_runs/count",
        "/api/task_runs/",
        "/api/logs/",
    ]


def test_a_server_that_is_busy_is_asked_again(house):
    with listening(["", "", *OPENED, "", '{"status": "ACCEPT"}', "null"]) as (url, asked):
        done = house.run(url)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.rpartition("/api")[2] for path, *_ in asked] == [
        *["/flows/"] * 3,
        "/flow_runs/",
        "/task_runs/count",
        "/task_runs/",
        *["/task_runs/t/set_state"] * 2,
        "/logs/",
    ]


@pytest.mark.parametrize("answer", ["[]", "{}", "<html>", "\x00"])
def test_a_server_of_another_kind_costs_one_line(house, answer):
    with listening([answer]) as (url, _):
        done = house.run(url)
    assert done.returncode == 0
    assert done.stderr.startswith(f"{url}: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("url", ["localhost:4200/api", "not an address", "http://", "http://[/api"])
def test_an_address_that_is_none_costs_one_line(house, url):
    done = house.run(url)
    assert (done.returncode, done.stdout) == (0, "one\ntwo\nno newline")
    assert done.stderr.startswith(f"{url.rstrip('/')}: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({"PREFECT_API_KEY": "secret"}, "Bearer secret"),
        ({"PREFECT_API_AUTH_STRING": "me:secret"}, "Basic bWU6c2VjcmV0"),
        ({"PREFECT_API_AUTH_STRING": "me:secret", "PREFECT_API_KEY": "other"}, "Basic bWU6c2VjcmV0"),
        ({}, None),
    ],
)
def test_who_we_are_is_told_as_prefect_tells_it(house, given, header):
    with listening([]) as (url, asked):
        house.run(url, **given)
    assert [
        {name.lower(): value for name, value in headers.items()}.get("authorization") for _, headers, _ in asked
    ] == [header]


@pytest.mark.parametrize("more", [{"PIPELINE_FLOW_RUN": "any"}, {"DVC_STAGE": None}])
def test_nothing_is_told_under_another_flow_or_without_dvc(house, more):
    given = {name: value for name, value in {**UNDER_DVC, **more}.items() if value}
    with listening([]) as (url, asked):
        done = subprocess.run(
            [sys.executable, "-c", STAGE],
            cwd=house.root,
            env=environment(PREFECT_API_URL=url, **given),
            capture_output=True,
            text=True,
        )
    assert (done.returncode, done.stdout, done.stderr, asked) == (0, "one\ntwo\nno newline", "", [])


def test_no_byte_of_a_flood_is_lost_although_the_server_cannot_follow(house):
    house("for i in range(100_000): print(i)\nsys.exit(7)")
    with mute() as url:
        done = house.run(url, script=IMPATIENT)
    assert done.returncode == 7
    assert done.stdout == "".join(f"{i}\n" for i in range(100_000))


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        (0, "Completed", None),
        (3, "Failed", "exit code 3"),
        (130, "Crashed", "ended by SIGINT"),
        (137, "Crashed", "ended by SIGKILL"),
        (255, "Failed", "exit code 255"),
    ],
)
def test_the_state_that_an_exit_code_stands_for(code, name, message):
    state = reporter.final_state(code)
    assert (state["name"], state.get("message")) == (name, message)


def tell(house_or_folder, server, *words, **more):
    """A `dvc repro` that has ended."""
    process = dvc(house_or_folder, "repro", *words, PREFECT_API_URL=server.url, **more)
    process.out, process.errors = process.communicate(timeout=120)
    return process


def states(server, flow_run):
    return {
        name: (task["state"]["name"], task["state"]["message"]) for name, task in server.task_runs(flow_run).items()
    }


def wait_until_shown(server, process):
    until = time.monotonic() + 10
    while not any(server.task_runs(flow_run) for flow_run in server.flow_runs(f"pid:{process.pid}")):
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.slow
def test_a_run_of_dvc_shows_its_items_their_lines_and_their_states(server, tmp_path):
    flood = (
        "for i in range(1500): print(i)\nsys.stderr.write('bar 1\\rbar 2\\n')\nprint()\nsys.stdout.write('no newline')"
    )
    project = lay_out(tmp_path / "project", kite=flood, lamp='print("shines")')
    process = tell(project, server)
    ended = time.monotonic()
    flow_run = server.closed(process)
    assert time.monotonic() - ended < 10
    assert process.returncode == 0 and process.errors == ""
    assert flow_run["name"].startswith("dvc repro ") and flow_run["state_name"] == "Completed"
    assert states(server, flow_run) == dict.fromkeys(("act@kite", "act@lamp"), ("Completed", None))
    tasks = server.task_runs(flow_run)
    assert server.lines(tasks["act@kite"]) == [*map(str, range(1500)), "bar 2", "no newline"]
    assert server.lines(tasks["act@lamp"]) == ["shines"]
    graph = api.call(server.url, f"/flow_runs/{flow_run['id']}/graph-v2", method="GET")
    assert len(graph["nodes"]) == 2


@pytest.mark.slow
def test_a_run_finds_the_server_that_serves_its_project(server):
    process = dvc(server.folder, "repro")
    _, errors = process.communicate(timeout=60)
    assert errors == ""
    flow_run = server.closed(process)
    assert server.lines(server.task_runs(flow_run)["act@kite"]) == ["flies"]


@pytest.mark.slow
def test_what_failed_and_what_crashed_say_how(server, tmp_path):
    project = lay_out(tmp_path / "project", kite="sys.exit(3)", lamp="os.kill(os.getpid(), 9)")
    flow_run = server.closed(tell(project, server, "--keep-going"))
    assert states(server, flow_run) == {
        "act@kite": ("Failed", "exit code 3"),
        "act@lamp": ("Crashed", "ended by SIGKILL"),
    }
    assert flow_run["state_name"] == "Failed"
    assert set(flow_run["state"]["message"].removeprefix("not done: ").split(", ")) == {"act@kite", "act@lamp"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the parent's death")
def test_runs_that_are_interrupted_or_killed_say_so(server, tmp_path):
    project = lay_out(tmp_path / "project", kite=SLEEP, lamp=SLEEP, bell=SLEEP)
    runs = {
        key: dvc(project, "repro", "-s", f"act@{key}", PREFECT_API_URL=server.url) for key in ("kite", "lamp", "bell")
    }
    for process in runs.values():
        while process.stdout.readline() != "works\n":
            assert process.poll() is None
    for process in runs.values():
        wait_until_shown(server, process)
    os.killpg(runs["kite"].pid, signal.SIGINT)  # as a terminal does
    runs["lamp"].kill()  # DVC alone: the stage is told by Linux
    os.killpg(runs["bell"].pid, signal.SIGKILL)  # DVC and the stage, as at a lack of memory
    found = {key: server.closed(process) for key, process in runs.items()}
    assert states(server, found["kite"]) == {"act@kite": ("Crashed", "ended by SIGINT")}
    assert states(server, found["lamp"]) == {"act@lamp": ("Crashed", "ended by SIGTERM")}
    assert states(server, found["bell"]) == {"act@bell": ("Crashed", "its process was killed")}
    assert {key: run["state_name"] for key, run in found.items()} == {
        "kite": "Failed",
        "lamp": "Failed",
        "bell": "Crashed",
    }
    for process in runs.values():
        process.communicate(timeout=20)


@pytest.mark.slow
def test_runs_that_write_at_once_are_shown_all(server, tmp_path):
    keys = ("kite", "lamp", "bell", "boat")
    project = lay_out(tmp_path / "project", **dict.fromkeys(keys, 'print("at once")'))
    runs = {key: dvc(project, "repro", "-s", f"act@{key}", PREFECT_API_URL=server.url) for key in keys}
    for key, process in runs.items():
        assert process.communicate(timeout=60)[1] == ""
        flow_run = server.closed(process)
        assert server.lines(server.task_runs(flow_run)[f"act@{key}"]) == ["at once"]


@pytest.mark.slow
def test_a_stage_that_shows_itself_does_not_import_prefect(server, tmp_path):
    project = lay_out(tmp_path / "project", kite="pass")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pipeline", "stage", "act", "kite"],
        cwd=project,
        env=environment(PREFECT_API_URL=server.url, **UNDER_DVC),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"pipeline.reporter", "urllib.request"} <= imported
    assert "prefect" not in imported and "dvc" not in imported


@pytest.mark.slow
def test_a_flow_run_without_a_last_word_is_closed_and_one_with_it_is_left_alone(server, tmp_path):
    script = (
        "import sys; from pipeline import api, reporter; url = api.address();"
        "flow = api.made(url, '/flows/', {'name': 'any'});"
        "run = api.made(url, '/flow_runs/', {'flow_id': flow, 'tags': ['mine'], 'state': reporter.RUNNING});"
        "reporter.watch_over(run);"
        "sys.argv[1:] and reporter._set_state(url, 'flow_runs', run, reporter.COMPLETED)"
    )
    for words, state in (([], ("Crashed", "its process was killed")), (["done"], ("Completed", None))):
        process = subprocess.Popen(
            [sys.executable, "-c", script, *words], cwd=tmp_path, env=environment(PREFECT_API_URL=server.url)
        )
        assert process.wait(timeout=20) == 0
        flow_run = server.closed(process)
        assert (flow_run["state"]["name"], flow_run["state"]["message"]) == state
        assert "mine" in flow_run["tags"]


@pytest.mark.slow
def test_an_item_costs_a_fraction_of_a_second(server, house):
    house("pass")
    plain = min(house.run("").seconds for _ in range(3))
    shown = min(house.run(server.url).seconds for _ in range(3))
    assert shown - plain < 0.5, f"{shown - plain:.2f} s"  # importing Prefect would be 3 s
