"""Real processes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline import processes
from pipeline.processes import Process

SLEEP = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]


@pytest.fixture
def sleeper():
    child = subprocess.Popen(SLEEP, stdout=subprocess.PIPE)
    child.stdout.readline()
    yield child
    child.kill()
    child.communicate()


@pytest.mark.parametrize("look", [processes._look, processes._from_ps])
def test_a_process_runs_until_it_has_ended_even_where_nobody_has_noticed(sleeper, look, monkeypatch):
    monkeypatch.setattr(processes, "_look", look)
    process = Process(sleeper.pid, look(sleeper.pid).started)
    assert process.started and " " not in process.started
    assert process.is_running()
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is not reaped
    assert not process.is_running()
    sleeper.wait()
    assert not process.is_running()


def test_another_process_of_the_same_number_is_not_mistaken_for_it(sleeper):
    assert not Process(sleeper.pid, "at another time").is_running()


@pytest.mark.parametrize("look", [processes._look, processes._from_ps])
def test_what_is_told_of_a_process(look):
    seen = look(os.getpid())
    assert seen.parent == os.getppid()
    assert seen.started == look(os.getpid()).started
    assert look(2**22 + 1) is None  # no Linux has such a number


@pytest.mark.parametrize(
    "command", ["exec {python} -c '{ask}'", "{python} -c '{ask}'; true", "sh -c \"{python} -c '{ask}'; true\"; true"]
)
def test_shells_between_us_and_dvc_are_passed_over(command):
    ask = "from pipeline.processes import dvc_above; print(dvc_above().pid)"
    script = command.format(python=sys.executable, ask=ask)
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) == os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the parent's death")
def test_whoever_asks_for_it_dies_with_its_parent():
    child = "import os, signal, time; from pipeline.processes import die_with_parent; "
    child += "die_with_parent(signal.SIGTERM, os.getppid()); print(os.getpid(), flush=True); time.sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])", child],
        stdout=subprocess.PIPE,
    )
    pid = int(parent.stdout.readline())
    started = processes._look(pid).started
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    end = time.monotonic() + 10
    while Process(pid, started).is_running():
        assert time.monotonic() < end
        time.sleep(0.02)
