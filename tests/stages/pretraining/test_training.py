"""The loop of pre-training: the same each time, whole after a kill, and anew for other settings or other code."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from stages.pretraining import training


@dataclass(frozen=True)
class Settings:
    steps: int = 300
    batch: int = 4
    learning_rate: float = 1e-2
    weight_decay: float = 0.1


class Task:
    """The smallest one: a linear layer that shall tell a token from the mean colours of its picture."""

    warm_up, floor, facts = 10, 0.0, ()

    def __init__(self, settings=Settings(), dies_at=None, *, seeds=0, name="smallest", network=None):
        torch.manual_seed(0)
        self.settings, self.dies_at, self.seeds, self.name = settings, dies_at, seeds, name
        self.network = network or nn.Linear(3, 5)
        self.pictures = torch.randint(0, 256, (20, 6, 6, 3), dtype=torch.uint8)
        self.tokens = torch.randint(0, 5, (20,))
        self.asked = []

    def losses(self, step, rows, chance):
        if len(self.asked) == self.dies_at:
            raise KeyboardInterrupt
        self.asked.append((step, rows, torch.rand(1, generator=chance)))
        colours = self.pictures[rows].float().mean((1, 2)) / 255
        loss = nn.functional.cross_entropy(self.network(colours), self.tokens[rows])
        return 2 * loss, {"once": loss, "twice": 2 * loss}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def weights_of(task):
    return torch.cat([value.flatten() for value in task.network.state_dict().values()])


def test_the_same_settings_end_at_the_same_weights_and_other_seeds_elsewhere():
    first, again, other = Task(), Task(), Task(seeds=1)
    start = weights_of(first)
    curves = []
    for task in (first, again, other):
        curves.append(list(training.train(task)))
        training.state_of("smallest").unlink()
    assert curves[0] == curves[1] != curves[2]
    assert torch.equal(weights_of(first), weights_of(again))
    assert not torch.equal(weights_of(first), weights_of(other)) and not torch.equal(weights_of(first), start)


def test_each_step_draws_its_rows_first_from_a_generator_of_its_own():
    task = Task(Settings(steps=30), seeds=7)
    list(training.train(task))
    assert [step for step, _, _ in task.asked] == list(range(30))
    for step, rows, drawn in task.asked:
        chance = torch.Generator().manual_seed(7 + step)
        assert torch.equal(rows, torch.randint(20, (4,), generator=chance))
        assert torch.equal(drawn, torch.rand(1, generator=chance))


def test_the_curve_is_a_running_mean_of_a_hundred_steps(monkeypatch):
    task = Task(Settings(steps=230))
    values = iter(range(230))

    def losses(*asked):
        zero = 0 * task.network(torch.ones(1, 3)).sum()
        return zero, {"count": zero + next(values)}

    task.losses = losses
    curve = list(training.train(task))
    mean = 49.5  # of 0 ... 99
    assert curve[0] == {"step": 100, "count": mean}
    for value in range(100, 200):
        mean += (value - mean) / 100
    assert curve[1] == {"step": 200, "count": round(mean, 4)}
    assert [entry["step"] for entry in curve] == [100, 200, 230]


@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_the_learning_rate_rises_and_then_falls_to_its_floor(floor):
    task = Task(Settings(steps=1000))
    task.warm_up, task.floor = 100, floor
    rates = [training._factor(task, step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01) and max(rates) == rates[99] and floor <= rates[-1] < floor + 1e-5
    assert rates[:100] == sorted(rates[:100]) and rates[99:] == sorted(rates[99:], reverse=True)
    assert rates[500] == pytest.approx(0.5 + floor / 2)


def test_only_matrices_decay():
    optimizer = training._optimizer(nn.Linear(3, 5), Settings())
    assert [(len(g["params"]), g["weight_decay"]) for g in optimizer.param_groups] == [(1, 0.1), (1, 0.0)]


def test_a_training_that_was_killed_ends_as_if_it_had_not_been():
    unbroken = Task()
    whole = list(training.train(unbroken))
    training.state_of("smallest").unlink()
    with pytest.raises(KeyboardInterrupt):
        list(training.train(Task(dies_at=270)))
    resumed = Task()
    curve = list(training.train(resumed))
    assert len(resumed.asked) == 50  # from step 250 on
    assert curve[:2] == whole[:2] and [entry["step"] for entry in curve] == [100, 200, 300]
    assert torch.equal(weights_of(unbroken), weights_of(resumed))


@pytest.mark.parametrize("changed", ["settings", "code", "facts"])
def test_a_finished_state_gives_its_curve_again_and_other_settings_code_or_facts_start_anew(monkeypatch, changed):
    curve = list(training.train(Task()))
    again = Task(dies_at=0)
    assert list(training.train(again)) == curve and again.asked == []
    if changed == "settings":
        again.settings = replace(again.settings, learning_rate=1e-3)
    elif changed == "facts":
        again.facts = ("other words",)
    else:
        monkeypatch.setattr(training.kept, "fingerprint", lambda *facts: "of other code")
    with pytest.raises(KeyboardInterrupt):
        list(training.train(again))


def two_phases(dies_at=None):
    network = nn.Linear(3, 5)
    settings = Settings(steps=200)
    return Task(settings, name="one", network=network), Task(settings, dies_at, seeds=9, name="two", network=network)


def test_phases_follow_each_other_and_a_kill_in_the_second_repeats_nothing_of_the_first():
    torch.manual_seed(0)
    unbroken = two_phases()
    whole = list(training.train_all(unbroken))
    assert [entry["step"] for entry in whole] == [100, 200, 300, 400]
    for task in unbroken:
        training.state_of(task.name).unlink()
    torch.manual_seed(0)
    with pytest.raises(KeyboardInterrupt):
        list(training.train_all(two_phases(dies_at=150)))
    resumed = two_phases()
    assert list(training.train_all(resumed)) == whole
    assert not resumed[0].asked and len(resumed[1].asked) == 200  # its state is kept every 250 steps, and at the end
    assert torch.equal(weights_of(unbroken[1]), weights_of(resumed[1]))
