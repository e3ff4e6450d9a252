"""The pace of steps, with a clock that only steps move."""

import pytest

from stages.inversion.settings import settings_of
from stages.speed.steps import Pace, Row, pace, steady, warm_up


class Machine:
    """Gives steps, and the time that they took."""

    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    def steps(self, seconds, at_once=1):
        """Step number i takes `seconds(i)`; a number is given when `at_once` of them are done."""
        for number in range(1000):
            self.time += seconds(number)
            if (number + 1) % at_once == 0:
                yield number


def test_steps_that_take_two_seconds_take_two_seconds():
    machine = Machine()
    found = pace(machine.steps(lambda _: 2.0), 20, machine.now)
    assert found == Pace(warm_steps=4, warm_s=8.0, parts=[(4, 8.0)] * 5)
    assert (found.step_s, found.start_s) == (2.0, 0.0)


def test_what_the_first_step_takes_longer_is_the_start():
    machine = Machine()
    found = pace(machine.steps(lambda number: 31.0 if number == 0 else 1.0), 20, machine.now)
    assert (found.step_s, found.start_s) == (1.0, 30.0)


def test_steps_that_come_several_at_once_are_counted_as_they_are_done():
    machine = Machine()
    found = pace(machine.steps(lambda _: 0.5, at_once=8), 40, machine.now)
    assert found.parts == [(8, 4.0)] * 5
    assert found.step_s == 0.5


def test_one_disturbed_part_does_not_count():
    machine = Machine()
    assert pace(machine.steps(lambda number: 50.0 if number == 9 else 1.0), 20, machine.now).step_s == 1.0


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_few_steps_are_timed_too_each_once(n):
    machine = Machine()
    found = pace(machine.steps(lambda _: 1.0), n, machine.now)
    assert sum(steps for steps, _ in found.parts) == n
    assert found.step_s == 1.0


@pytest.mark.parametrize(("preset", "n", "steps"), [("ours", 20, 50), ("ours", 200, 241), ("reference", 20, 5000)])
def test_timed_steps_are_those_of_the_settings_at_the_final_size(preset, n, steps):
    settings = steady(settings_of({"preset": preset, "patience": 5}, "a test")[0], n)
    assert (settings.start_px, settings.grow_at, settings.patience) == (0, (), 0)
    assert settings.steps == steps > warm_up(n) + n


def test_the_share_is_the_rate_of_operations_over_the_limit():
    """12 images in 2 s are 6 image-steps a second; 8e9 operations in 2 s are 4e9 a second, of 5e9 and of 8e9."""
    paced = Pace(4, 8.0, [(4, 8.0)] * 5)
    row = Row("a model", "ours", 12, 1, step_operations=8 * 10**9, pace=paced, limits=(5e9, 8e9), peak_bytes=None)
    assert row.image_steps_a_second == 6.0
    assert row.shares == (0.8, 0.5)
