"""How long a step of inversion takes once it runs steadily."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from stages.common import seeds
from stages.inversion import step
from stages.inversion.optimisation import Inversion, invert
from stages.inversion.settings import Settings
from stages.speed.arithmetic import operations
from stages.speed.limit import limit
from stages.speed.stopwatch import Clock, clock_of, forget_peak, peak_bytes
from stages.speed.subject import TEXTS, Subject, Way

PARTS = 5  # in which the timed steps are timed; their median counts


@dataclass(frozen=True)
class Pace:
    """How fast steps went.

    Attributes:
        warm_steps: steps before the first timed one.
        warm_s: seconds from the start to the end of them, with all that is done once: noise, compiling, recording.
        parts: (steps, seconds) of each part that was timed.
    """

    warm_steps: int
    warm_s: float
    parts: list[tuple[int, float]]

    @property
    def step_s(self) -> float:
        """Seconds a step: the median of the parts."""
        return median(seconds / steps for steps, seconds in self.parts)

    @property
    def start_s(self) -> float:
        """Seconds that the start took beyond its steps."""
        return max(0.0, self.warm_s - self.warm_steps * self.step_s)


@dataclass(frozen=True)
class Row:
    """One way to invert, measured.

    Attributes:
        model: its name.
        way: its name.
        images: optimised at once.
        views: of each image a step.
        step_operations: floating-point operations that a step needs.
        pace: how fast it went.
        limits: floating-point operations a second in large products, before and after.
        peak_bytes: the most memory held; None where the system does not say.
    """

    model: str
    way: str
    images: int
    views: int
    step_operations: int
    pace: Pace
    limits: tuple[float, float]
    peak_bytes: int | None

    @property
    def image_steps_a_second(self) -> float:
        """Steps of single images."""
        return self.images / self.pace.step_s

    @property
    def shares(self) -> tuple[float, float]:
        """Share of each limit that its arithmetic reached."""
        return tuple(self.step_operations / self.pace.step_s / one for one in self.limits)


def pace(steps: Iterator[int | Inversion], n: int, now: Clock) -> Pace:
    """Time the steps of an inversion.

    Args:
        steps: what `invert` gives; each number is that of the last step whose work was handed over by then, so that
            several may be done between two of them.
        n: steps to time, after a fifth as many, at least three, to warm up.
        now: clock of the device, in seconds.
    """
    begin, done = now(), 0

    def reached(goal: int) -> float:
        nonlocal done
        while done < goal:
            done = next(steps) + 1
        return now()

    at = reached(warm_up(n))
    warm_steps, warm_s, parts = done, at - begin, []
    for part in range(1, PARTS + 1):
        goal, before, since = warm_steps + math.ceil(n * part / PARTS), done, at
        if goal > done:
            at = reached(goal)
            parts.append((done - before, at - since))
    return Pace(warm_steps, warm_s, parts)


def warm_up(n: int) -> int:
    """Steps to warm up with before n are timed."""
    return max(3, n // 5)


def steady(settings: Settings, n: int) -> Settings:
    """Settings under which n steps can be timed: no end before them, the images at their final size all along."""
    steps = max(settings.steps, warm_up(n) + n + 1)
    return replace(settings, steps=steps, start_px=0, grow_at=(), patience=0)


def row(subject: Subject, way: Way, images: int, n: int, *, long: bool = False) -> Row:
    """Measure n steps of one way with so many images at once, and the limit before and after.

    Args:
        subject: the model.
        way: how it is inverted.
        images: at once.
        n: steps to time.
        long: on a GPU, as in an inversion for which kernels are made.
    """
    model, settings = subject.model, steady(way.settings, n)
    now = clock_of(model.device)
    target = model.inversion_target([TEXTS[0]] * images)
    needed = operations(model, target[:1]) * images * settings.views
    before = limit(model.device, settings.precision, now)
    dice = [seeds.generator("bench", number) for number in range(images)]
    forget_peak(model.device)
    with tempfile.TemporaryDirectory() as scratch, _taken_for_long(long):
        state = Path(scratch) / "state.pt"
        with closing(invert(model, target, settings, way.affine, generators=dice, state=state)) as steps:
            measured = pace(steps, n, now)
    peak = peak_bytes(model.device)
    limits = before, limit(model.device, settings.precision, now)
    return Row(subject.name, way.name, images, settings.views, needed, measured, limits, peak)


@contextmanager
def _taken_for_long(long: bool) -> Iterator[None]:
    """While open, an inversion on a GPU believes that minutes of it are left."""
    before = step.LONG_S
    step.LONG_S = 0.0 if long else before
    try:
        yield
    finally:
        step.LONG_S = before
