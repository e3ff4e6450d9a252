import pytest

from stages.common import progress as module
from stages.common.progress import clock, progress


class Clock:
    """Time that goes on by a fixed step with every look at it."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch):
    return lambda step: monkeypatch.setattr(module, "time", Clock(step))


def test_items_pass_through_unchanged_and_quick_work_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(["a", "b"], "copy")) == ["a", "b"]
    assert list(progress(3, "count")) == [0, 1, 2]
    assert capsys.readouterr().out == ""


def test_slow_work_prints_whole_lines_and_one_at_the_end(tick, capsys: pytest.CaptureFixture[str]) -> None:
    tick(10.0)
    list(progress(4, "invert"))
    assert capsys.readouterr().out.splitlines() == [
        "invert: 1 of 4 (25%), 30 s left",
        "invert: 2 of 4 (50%), 20 s left",
        "invert: 3 of 4 (75%), 10 s left",
        "invert: 4 steps in 50 s",
    ]


def test_lines_are_at_least_two_seconds_apart(tick, capsys: pytest.CaptureFixture[str]) -> None:
    tick(0.5)
    list(progress(12, "invert"))
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_leaving_early_prints_how_far_it_came(tick, capsys: pytest.CaptureFixture[str]) -> None:
    tick(5.0)
    for step in progress(100, "invert"):
        if step == 1:
            break
    assert capsys.readouterr().out.splitlines()[-1] == "invert: 1 of 100 steps in 10 s"


def test_work_of_unknown_length_tells_the_time_so_far(tick, capsys: pytest.CaptureFixture[str]) -> None:
    tick(5.0)
    list(progress(iter("ab"), "read"))
    assert capsys.readouterr().out.splitlines() == [
        "read: 1, 5 s so far",
        "read: 2, 10 s so far",
        "read: 2 steps in 15 s",
    ]


def test_time_reads_as_people_say_it() -> None:
    assert [clock(7.6), clock(185), clock(7800)] == ["8 s", "3 min 05 s", "2 h 10 min"]
