import errno
import sys

import pytest

from stages.common.failures import UserError, each, run_main, told


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


def fail_at_moon(key: str) -> None:
    if key == "moon":
        raise UserError("there is no moon.")
    if key == "defect":
        raise KeyError("a slip of ours")


def test_the_failure_of_one_key_is_told_by_its_name_and_does_not_stop_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UserError, match=r"^2 of 4 failed: moon, defect\.$"):
        each(["sun", "moon", "defect", "star"], fail_at_moon)
    told_of = capsys.readouterr()
    assert told_of.out.splitlines() == ["sun: done", "star: done"]
    assert told_of.err.startswith("moon: failed: there is no moon.\ndefect: failed: Traceback")
    assert "KeyError: 'a slip of ours'" in told_of.err


def test_a_key_that_is_alone_fails_as_it_is_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    each(["sun"], fail_at_moon)
    with pytest.raises(UserError, match="^there is no moon"):
        each(["moon", "moon"], fail_at_moon)
    assert capsys.readouterr() == ("", "")


def test_an_interruption_ends_all() -> None:
    seen = []

    def interrupted(key: str) -> None:
        seen.append(key)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each(["sun", "star"], interrupted)
    assert seen == ["sun"]


def at_each_moon(key: str, *more: str) -> None:
    """A verb of several keys."""
    each((key, *more), fail_at_moon)


def test_every_word_of_the_command_line_is_a_key_and_a_failure_gives_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["verb", "moon", "sun"])
    with pytest.raises(SystemExit) as caught:
        run_main(at_each_moon)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "moon: failed: there is no moon.\n1 of 2 failed: moon.\n"


@pytest.mark.usefixtures("_no_words")
def test_a_verb_of_several_keys_asks_for_one_at_least(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_main(at_each_moon)
    assert caught.value.code == 2
    assert "takes KEY [MORE...], but was given: nothing" in capsys.readouterr().err
