import pytest
import torch

from stages.speed import stopwatch

CPU = torch.device("cpu")


@pytest.mark.skipif(not stopwatch.FORGET.exists(), reason="only Linux can begin anew")
def test_the_peak_is_that_since_the_last_look():
    stopwatch.forget_peak(CPU)
    before = stopwatch.peak_bytes(CPU)
    held = b"x" * 200_000_000
    at_most = stopwatch.peak_bytes(CPU)
    assert at_most - before >= 190_000_000
    del held
    stopwatch.forget_peak(CPU)
    assert at_most - stopwatch.peak_bytes(CPU) >= 190_000_000


def test_where_the_system_does_not_say_the_peak_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(stopwatch, "FORGET", tmp_path / "nothing")
    stopwatch.forget_peak(CPU)
    assert stopwatch.peak_bytes(CPU) is None


def test_the_clock_goes_forward():
    now = stopwatch.clock_of(CPU)
    assert now() <= now()
