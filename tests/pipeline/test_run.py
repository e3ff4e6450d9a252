"""`python -m pipeline run`: real processes, real DVC projects, a real server."""

import base64
import io
import json
import shutil
import signal
import sys
import time
from types import SimpleNamespace

import pytest
from PIL import Image

from pipeline import api, dag
from tests.pipeline import runs
from tests.pipeline.runs import ended, eventually, lay_out, lay_out_press, mark, run, stage, start
from tests.pipeline.server import free_port, running
from tests.pipeline.server import lay_out as lay_out_served
from tests.pipeline.stand_ins import mute

pytestmark = pytest.mark.slow

# A graph as in dvc.yaml of this project: items for each key, one that only git keeps, and one that follows all.
MAKE = """\
import sys
from pathlib import Path
from PIL import Image

key, text = sys.argv[1:]
folder = Path("made", key)
folder.mkdir(parents=True)
(folder / "text").write_text(text)
Image.new("RGB", (600, 300), "red").save(folder / "sheet.png")
print(f"made {key}")
"""
STORY = {
    "make": {
        "foreach": "${things}",
        "do": {
            "cmd": "python make.py ${key} ${item.text}",
            "deps": ["make.py"],
            "params": ["things.${key}"],
            "outs": ["made/${key}"],
            "meta": {"show": ["made/${key}/*.png"]},
        },
    },
    "note": {
        "foreach": "${things}",
        "do": {
            "cmd": "mkdir -p notes && cp made/${key}/text notes/${key}",
            "deps": ["made/${key}"],
            "outs": [{"notes/${key}": {"cache": False, "persist": True}}],
        },
    },
    "report": {
        "cmd": "echo '# All of them' > report.md && (echo n,text; cat -n made/*/text | tr '\\t' ,) > rows.csv",
        "deps": ["made"],
        "outs": ["report.md", "rows.csv"],
        "meta": {"show": ["report.md", "rows.csv"]},
    },
}
ITEMS = {"make@kite", "make@lamp", "note@kite", "note@lamp", "report"}


def name_things(folder, **texts):
    things = {key: {"text": text} for key, text in texts.items()}
    (folder / "params.yaml").write_text(json.dumps({"things": things}))


@pytest.fixture(scope="module")
def told(server, tmp_path_factory):
    """A story after its first run, and its twin that DVC ran by itself."""
    folder = tmp_path_factory.mktemp("story") / "project"
    folder.mkdir()
    (folder / "make.py").write_text(MAKE)
    (folder / "dvc.yaml").write_text(json.dumps({"stages": STORY}))
    name_things(folder, kite="flies", lamp="shines")
    runs.begun(folder)
    twin = shutil.copytree(folder, folder.with_name("twin"))
    process = run(folder, url=server.url)
    return SimpleNamespace(folder=folder, twin=twin, process=process)


@pytest.fixture
def story(told, tmp_path):
    return shutil.copytree(told.folder, tmp_path / "story", symlinks=True)


def test_each_item_is_a_task_run_by_its_name_and_the_run_counts_them(server, told):
    assert told.process.returncode == 0, told.process.said()
    eventually(lambda: runs.states(server, told.process), dict.fromkeys(ITEMS, "Completed"))
    flow_run = server.closed(told.process)
    assert flow_run["name"].startswith("pipeline run ")
    assert (flow_run["state_name"], flow_run["state"]["message"]) == ("Completed", "5 Completed")
    assert told.process.said().splitlines()[-1] == "Completed: 5 Completed"


def test_the_edges_are_those_of_dvc(server, told, monkeypatch):
    monkeypatch.chdir(told.folder)
    with dag.opened() as repo:
        expected = {(need, item.addressing) for item, needs in dag.ordered(repo, []) for need in needs}
    assert len(expected) == 4
    assert runs.edges(server, told.process) == expected


def test_dvc_finds_nothing_to_do_and_would_have_written_the_same_record(told):
    runs.dvc(told.twin, "repro")
    assert runs.recorded(told.folder) == runs.recorded(told.twin)
    runs.assert_nothing_left_to_do(told.folder)


def test_what_a_stage_shows_hangs_at_its_task_run(server, told):
    shown = runs.artifacts(server, told.process, "make@kite")
    assert list(shown) == ["made-kite-sheet-png"]
    kind, _, data = shown["made-kite-sheet-png"]["data"].partition("base64,")
    assert (shown["made-kite-sheet-png"]["type"], kind) == ("image", "data:image/png;")
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (512, 256)
    assert {key: one["type"] for key, one in runs.artifacts(server, told.process, "report").items()} == {
        "report-md": "markdown",
        "rows-csv": "table",
    }


def test_the_run_itself_shows_its_graph_its_items_and_the_results(server, told):
    shown = runs.artifacts(server, told.process)
    assert set(shown) == {"graph", "items", "report-md", "rows-csv"}
    assert {row["item"]: row["state"] for row in json.loads(shown["items"]["data"])} == dict.fromkeys(
        ITEMS, "Completed"
    )
    assert shown["graph"]["data"].startswith("```mermaid\nflowchart TD\n") and "make@kite" in shown["graph"]["data"]
    assert shown["report-md"]["data"] == "# All of them\n"
    assert [row["text"] for row in json.loads(shown["rows-csv"]["data"])] == ["fliesshines"]


def test_after_an_edit_only_what_follows_runs_and_after_its_undoing_all_of_it_is_restored(server, story):
    name_things(story, kite="dives", lamp="shines")
    edited = run(story, url=server.url)
    kite = {"make@kite", "note@kite", "report"}
    rest = dict.fromkeys(ITEMS - kite, "Cached")
    eventually(lambda: runs.states(server, edited), rest | dict.fromkeys(kite, "Completed"))
    assert (story / "notes/kite").read_text() == "dives"
    runs.assert_nothing_left_to_do(story)

    name_things(story, kite="flies", lamp="shines")
    undone = run(story, url=server.url)
    states = eventually(lambda: len(runs.states(server, undone)) == 5 and runs.states(server, undone))
    # what only git keeps, DVC cannot restore
    assert states == rest | {"make@kite": "Restored", "note@kite": "Completed", "report": "Restored"}
    assert runs.messages(server, undone)["make@kite"] == "from the run cache: it ran on the same before"
    assert "made-kite-sheet-png" in runs.artifacts(server, undone, "make@kite")
    assert "Completed: " in undone.said() and undone.returncode == 0
    runs.assert_nothing_left_to_do(story)


def test_a_target_runs_with_what_it_needs_alone(server, story):
    name_things(story, kite="dives", lamp="burns")
    process = run(story, "note@kite", url=server.url)
    eventually(lambda: runs.states(server, process), {"make@kite": "Completed", "note@kite": "Completed"})


@pytest.fixture(scope="module")
def watched(server, tmp_path_factory):
    """A run that was looked at while it was at work: its lines, its progress, a second run beside it."""
    talker = (
        'mark("begun"); print("first")\nwait_for("heard")\nprint("\\n\\tsecond\\nx: 1 of 10 (10%), 9 s left")\n'
        'wait_for("moved"); time.sleep(2.1)\nprint("x: 5 of 10 (50%), 3 s left")\nwait_for("over")'
    )
    flaky = 'if not Path("marks/tried").exists(): mark("tried"); sys.exit("not yet")'
    folder = lay_out(
        tmp_path_factory.mktemp("watched") / "project",
        talker=talker,
        flaky=stage(flaky, retries=1),
        hopeless=stage('sys.exit("never")', retries=1),
    )
    process = start(folder, url=server.url)
    tasks = lambda: server.task_runs(eventually(lambda: server.flow_runs(f"pid:{process.pid}"))[0])  # noqa: E731
    bar = lambda: [  # noqa: E731
        one["data"]
        for one in api.call(server.url, "/artifacts/filter", {"artifacts": {"key": {"any_": ["progress-of-talker"]}}})
    ]
    seen = SimpleNamespace(folder=folder, process=process, shares=[])
    eventually(lambda: "talker" in tasks() and server.lines(tasks()["talker"]))
    seen.lines, seen.state = server.lines(tasks()["talker"]), tasks()["talker"]["state_name"]
    for passed, share in (("heard", 10.0), ("moved", 50.0)):
        mark(folder, passed)
        seen.shares.append(eventually(lambda share=share: share in bar() and bar()))
    seen.second = run(folder, url=server.url)
    mark(folder, "over")
    ended(process)
    seen.shares.append(bar())
    return seen


def test_lines_are_seen_one_by_one_while_the_stage_runs(server, watched):
    assert (watched.lines, watched.state) == (["first"], "Running")
    task = server.task_runs(server.closed(watched.process))["talker"]
    expected = ["first", "\tsecond", "x: 1 of 10 (10%), 9 s left", "x: 5 of 10 (50%), 3 s left"]
    eventually(lambda: server.lines(task)[:4], expected)


def test_progress_moves_while_the_stage_runs(watched):
    assert watched.shares == [[10.0], [50.0], [100.0]]


def test_a_second_run_at_once_is_refused_and_says_who_is_at_work(watched):
    assert watched.second.returncode == 1
    assert f"at work in this checkout already (process {watched.process.pid})" in watched.second.said()


def test_an_item_is_tried_again_as_often_as_meta_says(server, watched):
    eventually(
        lambda: runs.states(server, watched.process),
        {"talker": "Completed", "flaky": "Completed", "hopeless": "Failed"},
    )
    assert runs.messages(server, watched.process)["hopeless"] == "exit code 1: never"
    assert runs.ran(watched.folder) == ["flaky", "flaky", "hopeless", "hopeless", "talker"]
    assert watched.process.returncode == 1


@pytest.fixture(scope="module")
def twenty(server, tmp_path_factory):
    """Twenty stages, one after the other: one of them fails, one is killed, each with one that follows."""
    acts = {
        "broken": 'if not Path("marks/mended").exists(): sys.exit("out of paint")',
        "after": stage("", ["broken"]),
        "hit": 'if not Path("marks/mended").exists(): os.kill(os.getpid(), signal.SIGKILL)',
        "late": stage("", ["after", "hit"]),
        **{f"s{n:02}": "" for n in range(16)},
    }
    folder = lay_out(tmp_path_factory.mktemp("twenty") / "project", **acts)
    process = run(folder, "--jobs", "1", url=server.url)
    noted = (folder / "noted").read_text().splitlines()
    return SimpleNamespace(folder=folder, process=process, acts=set(acts), noted=noted)


BAD = {"broken": "Failed", "hit": "Crashed", "after": "NotReady", "late": "NotReady"}


def test_one_stage_of_twenty_fails_and_the_others_finish(server, twenty):
    assert twenty.process.said().splitlines()[-1].startswith("Failed: "), twenty.process.said()
    rest = dict.fromkeys(twenty.acts - BAD.keys(), "Completed")
    eventually(lambda: runs.states(server, twenty.process), rest | BAD)
    told = runs.messages(server, twenty.process)
    assert told["broken"] == "exit code 1: out of paint"
    assert told["hit"].startswith("ended by signal 9: ")  # what a shell says of it is the shell's
    assert told["after"] == "follows broken" and told["late"].startswith("follows ")
    assert twenty.process.returncode == 1


def test_one_job_is_one_at_a_time(twenty):
    words = [line.split()[1] for line in twenty.noted if line.split()[0] not in BAD]
    assert words == ["begins", "ends"] * 16
    places = [line.split()[0] for line in twenty.noted]
    assert [places.count(name) for name in ("broken", "hit", "after", "late")] == [1, 1, 0, 0]


def test_after_the_repair_only_what_is_left_runs(server, twenty, tmp_path):
    folder = shutil.copytree(twenty.folder, tmp_path / "project", symlinks=True)
    mark(folder, "mended")
    runs.ran(folder)
    process = run(folder, url=server.url)
    assert process.returncode == 0, process.said()
    assert runs.ran(folder) == sorted(BAD)
    eventually(lambda: runs.counted(server, process), {"Cached": 16, "Completed": 4})
    runs.assert_nothing_left_to_do(folder)


def test_two_independent_items_run_side_by_side(server, tmp_path):
    meet = 'mark(ME); wait_for("kite", "lamp")'
    folder = lay_out(tmp_path / "project", kite=meet, lamp=meet)
    assert run(folder, "--jobs", "2", url=server.url).returncode == 0


def test_each_gpu_has_one_item_at_a_time_and_items_without_one_go_on_beside(server, tmp_path):
    wait = 'mark(ME)\nwhile sum(Path("marks", f"gpu{n}").exists() for n in (1, 2, 3)) < 2: time.sleep(0.02)\n'
    folder = lay_out(
        tmp_path / "project",
        **{f"gpu{n}": stage(wait + 'wait_for("plain")', gpu=True) for n in (1, 2, 3)},
        plain=wait,
    )
    process = run(folder, "--jobs", "3", url=server.url, CUDA_VISIBLE_DEVICES="0,1")
    assert process.returncode == 0, process.said()
    held = {}
    for line in (folder / "noted").read_text().splitlines():
        name, word, _, gpu = line.split()
        if name == "plain":
            continue
        assert gpu in ("0", "1")
        if word == "begins":
            assert gpu not in held, f"{name} and {held[gpu]} on GPU {gpu}"
            held[gpu] = name
        else:
            assert held.pop(gpu) == name


PRESSED = {"press@a": "Completed", "press@b": "Completed", "press@c": "Completed"}


def test_a_batch_of_any_size_gives_the_same_record(server, tmp_path):
    first = lay_out_press(tmp_path / "dvc", a="apple", b="berry", c="corn")
    sizes = {1: [1, 1, 1], 2: [1, 2], 3: [3]}
    folders = {size: shutil.copytree(first, tmp_path / f"batch{size}") for size in sizes}
    processes = {size: start(folder, "--batch", str(size), url=server.url) for size, folder in folders.items()}
    runs.dvc(first, "repro")
    for size, process in processes.items():
        assert ended(process) == 0, process.said()
        shared = [len(keys.split(",")) for keys in runs.noted(folders[size], "shares")]
        assert sorted(shared) == sizes[size]
        assert runs.recorded(folders[size]) == runs.recorded(first)
        eventually(lambda process=process: runs.states(server, process).items() >= PRESSED.items())
    runs.assert_nothing_left_to_do(folders[3])


def test_a_batch_keeps_what_was_finished_when_a_key_fails_and_when_it_is_killed(server, tmp_path):
    folder = lay_out_press(tmp_path / "project", a="apple", b="bad", c="corn", d="date")
    failed = run(folder, url=server.url)
    batch = {"press (4 items)": "Failed"}
    eventually(lambda: runs.states(server, failed), PRESSED | {"press@b": "Failed", "press@d": "Completed"} | batch)
    assert runs.messages(server, failed)["press@b"] == "nobody presses what is bad"
    assert runs.messages(server, failed)["press@a"] == "it ran with 3 others"
    assert ("press (4 items)", "press@c") in runs.edges(server, failed)
    assert failed.returncode == 1
    assert runs.ran(folder) == ["a", "b", "c", "d"]

    for key, text in {"b": "berry", "c": "cress", "d": "dill"}.items():
        (folder / "texts" / key).write_text(text)
    mark(folder, "killed")  # in the middle: when the third of the three begins
    killed = run(folder, url=server.url)
    assert killed.returncode == 1
    begun = runs.noted(folder, "begins")
    last = begun[-1]
    expected = {f"press@{key}": "Crashed" if key == last else "Completed" for key in begun}
    eventually(lambda: runs.states(server, killed), expected | {"press@a": "Cached", "press (3 items)": "Crashed"})
    assert runs.messages(server, killed)[f"press@{last}"].startswith("ended by signal 9")
    assert runs.ran(folder) == ["b", "c", "d"]

    (folder / "marks/killed").unlink()
    assert run(folder, url=server.url).returncode == 0
    assert runs.ran(folder) == [last]
    runs.assert_nothing_left_to_do(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the parent's death")
def test_a_run_that_is_interrupted_or_killed_leaves_no_process_and_goes_on_where_it_was(server, tmp_path):
    acts = {
        "early": "",
        "work": stage('wait_for("go")', needs=["early"], under_stage=True),
        "late": stage("", needs=["work"]),
    }
    numbers = {signal.SIGINT: 130, signal.SIGTERM: 130, signal.SIGKILL: -signal.SIGKILL}
    folders = {number: lay_out(tmp_path / number.name, **acts) for number in numbers}
    processes = {number: start(folder, url=server.url) for number, folder in folders.items()}
    for number, folder in folders.items():
        eventually(lambda folder=folder: "work" in runs.noted(folder, "begins"), seconds=60)
        processes[number].send_signal(number)
    for number, code in numbers.items():
        process, folder = processes[number], folders[number]
        assert ended(process) == code, process.said()
        eventually(lambda folder=folder: not runs.left_behind(folder))
        assert server.closed(process)["state_name"] == "Crashed"
        eventually(lambda process=process: runs.states(server, process).get("work"), "Crashed")
        assert runs.ran(folder) == ["early", "work"]
        mark(folder, "go")
    resumed = {number: start(folder, url=server.url) for number, folder in folders.items()}
    for number, folder in folders.items():
        assert ended(resumed[number]) == 0, resumed[number].said()
        assert runs.ran(folder) == ["late", "work"]
        runs.assert_nothing_left_to_do(folder)


def test_a_second_interrupt_changes_nothing(server, tmp_path):
    folder = lay_out(
        tmp_path / "project", work='signal.signal(signal.SIGTERM, lambda *_: mark("told"))\nwait_for("go")'
    )
    process = start(folder, url=server.url)
    eventually(lambda: runs.noted(folder, "begins"), seconds=60)
    runs.interrupt(process)
    eventually(lambda: runs.is_marked(folder, "told"))
    runs.interrupt(process)
    mark(folder, "go")
    assert ended(process) == 130, process.said()
    assert "Traceback" not in process.said()
    assert server.closed(process)["state_name"] == "Crashed"


def test_beside_a_dvc_that_works_on_the_same_item_a_run_waits_and_finds_it_done(server, tmp_path):
    folder = lay_out(tmp_path / "project", kite='wait_for("go")', lamp=stage("", needs=["kite"]))
    theirs = runs.begin(folder, "dvc", "repro", "kite")
    eventually(lambda: runs.noted(folder, "begins"))
    ours = start(folder, url=server.url)
    eventually(lambda: "Waiting: " in ours.said() or ours.poll() is not None)
    assert f"(PID {theirs.pid})" in ours.said()
    mark(folder, "go")
    assert (ended(theirs), ended(ours)) == (0, 0), ours.said()
    assert ours.said().count("Waiting: ") == 1
    assert runs.ran(folder) == ["kite", "lamp"]
    eventually(lambda: runs.states(server, ours), {"kite": "Completed", "lamp": "Completed"})
    runs.assert_nothing_left_to_do(folder)


def test_a_run_that_waits_for_another_dvc_can_be_interrupted(server, tmp_path):
    folder = lay_out(tmp_path / "project", kite='wait_for("go")')
    theirs = runs.begin(folder, "dvc", "repro")
    eventually(lambda: runs.noted(folder, "begins"))
    ours = start(folder, url=server.url)
    eventually(lambda: "Waiting: " in ours.said() or ours.poll() is not None)
    runs.interrupt(ours)
    assert ended(ours, seconds=30) == 130, ours.said()
    mark(folder, "go")
    assert ended(theirs) == 0
    runs.assert_nothing_left_to_do(folder)


def last_line(process):
    return process.said().splitlines()[-1]


def test_without_a_server_that_answers_one_line_says_so(tmp_path):
    folder = lay_out(tmp_path / "project", kite="")
    with mute() as url:
        begun = time.monotonic()
        silent = start(folder, url=url)
        down = run(folder, url=f"http://127.0.0.1:{free_port()}/api")
        none = run(folder, url="")
        assert ended(silent) == 1
        assert time.monotonic() - begun < 25
    for process, why in (
        (silent, "Prefect does not answer (no answer within 10 s)"),
        (down, "Prefect does not answer (Connection refused)"),
        (none, "there is no server: start one in another terminal"),
    ):
        assert process.returncode == 1
        assert why in process.said() and "`dvc repro`" in process.said()
        assert process.said().count("\n") == 1
    assert runs.ran(folder) == []


def test_what_cannot_be_run_is_refused_in_a_line(server, tmp_path):
    folder = lay_out(tmp_path / "project", kite="", lamp="")
    cut = shutil.copytree(folder, tmp_path / "cut")
    runs.dvc(cut, "repro")
    content = (cut / "dvc.lock").read_text()
    half = content[: content.index("md5:", len(content) // 2) + 2]
    (cut / "dvc.lock").write_text(half)
    (tmp_path / "bare").mkdir()
    refused = {
        "stage or item 'kit'. Did you mean 'kite'?": start(folder, "kit", url=server.url),
        "`git checkout dvc.lock`": start(cut, url=server.url),
        "not the root of a DVC repository": start(tmp_path / "bare", url=server.url),
    }
    for why, process in refused.items():
        assert ended(process) == 1
        assert why in last_line(process) and last_line(process).startswith("Failed: ")
        assert "Traceback" not in process.said()
        assert server.closed(process)["state_name"] == "Failed"
    assert (cut / "dvc.lock").read_text() == half
    assert list((tmp_path / "bare").iterdir()) == []


def test_a_server_that_is_killed_in_the_middle_costs_a_line_and_the_work_goes_on(tmp_path):
    served = lay_out_served(tmp_path / "served", kite="pass")
    folder = lay_out(
        tmp_path / "project", work='print("one"); wait_for("go"); print("two")', late=stage("", ["work"]), other=""
    )
    with running(served) as server:
        process = start(folder, url=server.url)
        eventually(lambda: {"work", "other"} <= set(runs.noted(folder, "begins")), seconds=60)
        server.process.kill()
        server.process.wait()
        mark(folder, "go")
        assert ended(process) == 0, process.said()
    said = process.said()
    assert said.count("Prefect does not answer any more") == 1
    assert "The work goes on without it." in said and "Traceback" not in said
    assert last_line(process) == "Completed: 3 Completed"
    assert runs.ran(folder) == ["late", "other", "work"]
    runs.assert_nothing_left_to_do(folder)
