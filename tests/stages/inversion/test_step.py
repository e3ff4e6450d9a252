"""Steps on a stand-in for a GPU: recorded once, made as often as told, and compiled only where that pays."""

import pytest
import torch

from stages.common import seeds
from stages.common.affine_ranges import Affine
from stages.inversion import optimisation, step
from stages.inversion.settings import Settings
from stages.inversion.step import PLAIN, TIMED, Steps
from tests.stages.inversion.linear import Linear, targets

MANY = TIMED + PLAIN + 4


class Recorded:
    """Steps that believe they are on a GPU; what they record is done again each time it is played."""

    def __init__(self, monkeypatch):
        self.recordings = self.plays = 0
        self.compiled = []
        monkeypatch.setattr(Steps, "_is_on_gpu", property(lambda _: True))
        monkeypatch.setattr(Steps, "_record", lambda steps: self._record(steps))
        monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)
        monkeypatch.setattr(torch, "compile", lambda work, dynamic: self.compiled.append(work.__name__) or work)

    def _record(self, steps):
        def play():
            self.plays += 1
            steps._work()

        self.recordings += 1
        steps._play = play


@pytest.fixture
def gpu(monkeypatch):
    return Recorded(monkeypatch)


def begun(parametrisation="pixels"):
    dice = [seeds.generator("test", name) for name in "ab"]
    settings = Settings(steps=MANY, parametrisation=parametrisation)
    leaves, task = optimisation._first(Linear(), targets(2), settings, Affine(), dice)
    return Steps(task, leaves, 0)


def all_made(steps):
    for _ in range(MANY):
        steps.step()
    return steps


@pytest.fixture(scope="module")
def plain():
    """The images after as many plain steps."""
    return all_made(begun()).images()


@pytest.mark.parametrize("long_s", [0.0, 1e9], ids=["long", "short"])
def test_recorded_timed_and_compiled_steps_are_as_many_as_plain_ones_and_lead_to_the_same(
    plain, gpu, monkeypatch, long_s
):
    monkeypatch.setattr(step, "LONG_S", long_s)
    steps = all_made(begun())
    assert torch.equal(steps.images(), plain)
    assert int(steps._at) == MANY


def test_a_short_inversion_is_recorded_once_and_never_compiled(gpu, monkeypatch):
    monkeypatch.setattr(step, "LONG_S", 1e9)
    all_made(begun())
    assert (gpu.recordings, gpu.plays, gpu.compiled) == (1, MANY - PLAIN, [])


@pytest.mark.parametrize(("parametrisation", "compiled"), [("pixels", "_pull"), ("pyramid", "images")])
def test_a_long_inversion_is_compiled_and_recorded_again(gpu, monkeypatch, parametrisation, compiled):
    monkeypatch.setattr(step, "LONG_S", 0.0)
    all_made(begun(parametrisation))
    assert gpu.compiled == ["_moved_loss", compiled]
    assert gpu.recordings == 2
    assert gpu.plays == MANY - PLAIN - (PLAIN - 1)
