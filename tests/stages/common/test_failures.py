import errno
import sys

import pytest

from stages.common.failures import UserError, run_main, told


def fail_as_user() -> None:
    raise UserError("params.yaml: runs is empty.")


def fail_as_defect() -> None:
    raise KeyError("moongate")


def greet(name: str) -> None:
    print(f"hello {name}")


@pytest.fixture
def _no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["greet"])


@pytest.mark.usefixtures("_no_words")
def test_an_expected_error_is_one_message_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_main(fail_as_user)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "params.yaml: runs is empty.\n"


@pytest.mark.usefixtures("_no_words")
def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(KeyError):
        run_main(fail_as_defect)


@pytest.mark.usefixtures("_no_words")
def test_a_missing_word_is_asked_for_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_main(greet)
    assert caught.value.code == 2
    assert "python -m stages.greet takes NAME, but was given: nothing" in capsys.readouterr().err


def test_the_words_of_the_command_line_reach_the_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["greet", "moon"])
    run_main(greet)
    assert capsys.readouterr().out == "hello moon\n"


def test_a_full_disk_is_seen_through_a_library_that_hides_its_number() -> None:
    assert "The disk is full" in told(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert "while writing data/x" in told(OSError(errno.ENOSPC, "No space left on device", "data/x"))
    assert told(OSError(errno.EACCES, "Permission denied")) is None
