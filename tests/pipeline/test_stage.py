"""Real processes, with stand-in stages written into a temporary folder."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALL = "import sys; from pathlib import Path; from pipeline import stage; stage.GRACE_S = 0.3; "
RUN = CALL + "sys.exit(stage.run(sys.argv[1], sys.argv[2:]))"
RUN_TIMED = CALL + "sys.exit(stage.run(sys.argv[1], sys.argv[2:], timings=Path('times/stages.csv')))"


@pytest.fixture
def house(tmp_path):
    """`house(verb, code)` writes stages/VERB.py; `house.start(verb, ...)` runs it through pipeline.stage."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").touch()
    started = []
    unwanted = ("PYTHONUNBUFFERED", "OMP_WAIT_POLICY", "PREFECT_API_URL")
    inherited = {name: value for name, value in os.environ.items() if name not in unwanted}

    def write(verb, code):
        (tmp_path / f"stages/{verb}.py").write_text(f"import os, sys, time, subprocess, signal\n{code}\n")

    def start(*words, script=RUN, environment=None):
        child = subprocess.Popen(
            [sys.executable, "-c", script, *words],
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": str(ROOT), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(child)
        return child

    write.start, write.root = start, tmp_path
    yield write
    for child in started:
        child.kill()
        child.communicate()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:  # also ProcessLookupError: it ended between the opening and the reading
        return False


def wait_until_dead(*pids):
    end = time.monotonic() + 10
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < end, f"still alive: {[pid for pid in pids if is_alive(pid)]}"
        time.sleep(0.02)


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, and asks Linux for the parent's death")
SLEEP_IN_TWO_PROCESSES = """
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), other.pid)
time.sleep(60)
"""


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_exit_code_of_the_stage_is_ours(house, code):
    house("toy", f"sys.exit({code})")
    child = house.start("toy")
    assert child.wait(timeout=20) == code


def test_a_stage_ended_by_a_signal_is_named_with_it(house):
    house("toy", "os.kill(os.getpid(), signal.SIGKILL)")
    child = house.start("toy", "world-moongate")
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 128 + signal.SIGKILL
    assert errors.decode().strip() == "stage toy world-moongate: ended by SIGKILL"


def test_arguments_reach_the_stage_as_they_were_typed(house):
    house("toy", "print(sys.argv[1:])")
    out, _ = house.start("toy", "--run", "a b", "", "--help").communicate(timeout=20)
    assert out.decode() == "['--run', 'a b', '', '--help']\n"


def test_no_byte_is_lost_not_even_a_last_line_without_end(house):
    house("toy", 'for i in range(50_000): print(i)\nsys.stderr.write("no newline")')
    out, _ = house.start("toy").communicate(timeout=60)
    assert out.decode() == "".join(f"{i}\n" for i in range(50_000)) + "no newline"


def test_a_line_is_seen_while_the_stage_still_runs(house):
    house("toy", 'print("first")\ntime.sleep(60)')
    child = house.start("toy")
    assert child.stdout.readline() == b"first\n"
    assert child.poll() is None


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_whole_group(house, number):
    house("toy", SLEEP_IN_TWO_PROCESSES)
    child = house.start("toy")
    pids = [int(pid) for pid in child.stdout.readline().split()]
    child.send_signal(number)
    assert child.wait(timeout=20) == 128 + number
    wait_until_dead(*pids)


@linux
def test_a_stage_that_ignores_the_signal_is_killed_after_the_grace_time(house):
    house("toy", f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEP_IN_TWO_PROCESSES}")
    child = house.start("toy")
    pids = [int(pid) for pid in child.stdout.readline().split()]
    child.terminate()
    assert child.wait(timeout=20) == 128 + signal.SIGKILL
    wait_until_dead(*pids)


def test_a_stage_may_finish_its_work_within_the_grace_time(house):
    house("toy", 'signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\nprint("ready")\ntime.sleep(60)')
    child = house.start("toy")
    child.stdout.readline()
    child.terminate()
    assert child.wait(timeout=20) == 7


@linux
def test_the_stage_dies_with_its_parent(house):
    house("toy", "print(os.getpid())\ntime.sleep(60)")
    child = house.start("toy")
    pid = int(child.stdout.readline())
    child.kill()
    wait_until_dead(pid)


@pytest.mark.parametrize("between", ["", "; true"], ids=["alone", "behind a shell"])
def test_under_dvc_the_stage_dies_with_dvc(house, between):
    house("toy", "print(os.getpid())\ntime.sleep(60)")
    stage = "shlex.join([sys.executable, '-c', *sys.argv[1:]])"
    dvc = f"import shlex, subprocess, sys; subprocess.run(['/bin/sh', '-c', {stage} + {between!r}])"
    child = house.start(RUN, "toy", script=dvc, environment={"DVC_STAGE": "toy"})
    pid = int(child.stdout.readline())
    child.kill()
    wait_until_dead(pid)


@linux
def test_a_process_left_behind_keeps_nobody_waiting(house):
    house("toy", 'print(subprocess.Popen(["sleep", "60"]).pid)')
    out, _ = house.start("toy").communicate(timeout=20)
    wait_until_dead(int(out))


def test_the_work_goes_on_when_the_reader_of_its_lines_has_left(house):
    house("toy", 'time.sleep(0.3)\nprint("x" * 1_000_000)\nopen("done", "w").close()')
    child = house.start("toy")
    child.stdout.close()
    assert child.wait(timeout=20) == 0
    assert (house.root / "done").exists()
    child.stdout = None


def test_waiting_threads_sleep_unless_the_user_says_otherwise(house):
    house("toy", 'print(os.environ["OMP_WAIT_POLICY"])')
    for given, expected in ({}, b"PASSIVE\n"), ({"OMP_WAIT_POLICY": "ACTIVE"}, b"ACTIVE\n"):
        out, _ = house.start("toy", environment=given).communicate(timeout=20)
        assert out == expected


def test_each_run_adds_one_whole_line_of_timing_even_all_at_once(house):
    house("toy", "time.sleep(0.2)\nsys.exit(2)")
    for child in [house.start("toy", f"key{i}", script=RUN_TIMED) for i in range(6)]:
        assert child.wait(timeout=30) == 2
    with (house.root / "times/stages.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["stage", "key", "started", "seconds", "exit_code"]
    assert sorted(row["key"] for row in rows) == [f"key{i}" for i in range(6)]
    assert all(row["stage"] == "toy" and row["exit_code"] == "2" and float(row["seconds"]) >= 0.2 for row in rows)


def test_a_stage_is_not_spoilt_by_a_stopwatch_that_cannot_write(house):
    house("toy", "pass")
    (house.root / "times").write_text("a file where the folder should be")
    child = house.start("toy", script=RUN_TIMED)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 0
    assert b"times/stages.csv: the time of this stage is not recorded" in errors
