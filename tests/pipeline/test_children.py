"""Real commands as children."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline import children
from pipeline.children import Children
from tests.pipeline.runs import eventually

SIGTERM = 128 + signal.SIGTERM


def run(command, **environment):
    """Its exit code and its lines."""
    lines = []
    return Children().run(command, environment, lines.append), lines


class Running:
    """A command that runs in a thread of its own."""

    def __init__(self, group, command):
        self.lines, self.code = [], None
        self._thread = threading.Thread(target=self._run, args=(group, command))
        self._thread.start()
        eventually(lambda: self.lines)

    def _run(self, group, command):
        self.code = group.run(command, {}, self.lines.append)

    def ended(self):
        self._thread.join(30)
        return self.code


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_lines_of_both_streams_are_heard_and_empty_ones_left_out():
    assert run("echo one; echo; echo two >&2; printf 'no newline'; exit 3") == (3, ["one", "two", "no newline"])


def test_a_line_is_heard_while_the_command_still_runs(tmp_path):
    group = Children()
    running = Running(group, f"echo first; while test ! -e {tmp_path}/go; do sleep 0.05; done; echo last")
    assert (running.lines, running.code) == (["first"], None)
    (tmp_path / "go").touch()
    assert (running.ended(), running.lines) == (0, ["first", "last"])


def test_what_is_no_text_is_heard_as_well():
    assert run(r"printf 'a\377b\n'") == (0, ["a\ufffdb"])


@pytest.mark.parametrize("command", ["kill -9 $$", "exec sh -c 'kill -9 $$'"])
def test_a_signal_is_told_as_a_shell_does(command):
    assert run(command)[0] == 128 + signal.SIGKILL


def test_the_environment_is_ours_with_what_is_added_and_python_is_the_one_that_runs_this(monkeypatch):
    monkeypatch.setenv("OURS", "1")
    code, lines = run("echo $OURS $ADDED; python -c 'import sys; print(sys.executable)'", ADDED="2")
    assert (code, lines) == (0, ["1 2", sys.executable])


def test_a_command_has_a_group_of_its_own(tmp_path):
    (tmp_path / "who.py").write_text("import os\nprint(os.getpgrp())")
    code, lines = run(f"cd {tmp_path} && python who.py && echo 'and more'")
    assert (code, lines[1:]) == (0, ["and more"])
    assert int(lines[0]) != os.getpgrp()


def test_all_are_ended_with_their_own_children_and_no_more_are_started():
    group = Children()
    first = Running(group, "sleep 60 & echo $!; wait")
    second = Running(group, "echo here; sleep 60")
    group.end()
    assert (first.ended(), second.ended()) == (SIGTERM, SIGTERM)
    eventually(lambda: not is_alive(int(first.lines[0])))
    assert group.is_ending
    lines = []
    assert group.run("echo more", {}, lines.append) == SIGTERM
    assert lines == []


def test_one_that_ignores_the_request_is_killed_after_the_grace_time(monkeypatch):
    monkeypatch.setattr(children, "GRACE_S", 0.3)
    group = Children()
    stubborn = Running(group, "trap '' TERM; echo here; while true; do sleep 0.05; done")
    begun = time.monotonic()
    group.end()
    assert stubborn.ended() == 128 + signal.SIGKILL
    assert time.monotonic() - begun >= 0.3


def test_one_that_ends_in_its_own_way_keeps_its_exit_code():
    group = Children()
    polite = Running(group, "trap 'echo bye; exit 7' TERM; echo here; while true; do sleep 0.05; done")
    group.end()
    assert (polite.ended(), polite.lines[-1]) == (7, "bye")
