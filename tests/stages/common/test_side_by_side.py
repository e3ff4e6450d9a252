"""Work on several cores: in order, in forks of this process, with errors that reach the one who asked."""

import os
import signal
import time

import pytest
import torch

from stages.common import side_by_side as module
from stages.common.failures import UserError
from stages.common.side_by_side import as_made, by_workers, processes_for, side_by_side


class Model:
    """As much of a model as is asked for."""

    def __init__(self, n, device="cpu"):
        self.device, self.n = torch.device(device), n

    def parameters_of(self, part):
        assert part == "both"
        return {"weight": torch.empty(self.n, device="meta")}


@pytest.fixture
def threads():
    """Puts the number of torch's threads back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(processes):
    def slower_at_first(number):
        time.sleep(0.05 / (number + 1))
        return number * factor

    factor = 3  # a closure cannot be pickled; a fork has it all the same
    assert list(side_by_side(slower_at_first, range(5), processes)) == [0, 3, 6, 9, 12]


def test_several_processes_are_not_this_one():
    assert set(side_by_side(lambda _: os.getpid(), range(2), 1)) == {os.getpid()}
    assert os.getpid() not in set(side_by_side(lambda _: os.getpid(), range(2), 2))


def test_work_in_another_process_keeps_to_one_thread(threads):
    torch.set_num_threads(2)
    assert list(side_by_side(lambda _: torch.get_num_threads(), range(2), 2)) == [1, 1]


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_reaches_the_one_who_asked(processes):
    def refuses(number):
        raise UserError(f"no {number}")

    with pytest.raises(UserError, match="no 0"):
        list(side_by_side(refuses, range(3), processes))


def test_a_worker_that_the_system_kills_is_told():
    def dies(number):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(UserError, match="worker process died, perhaps for lack of memory"):
        list(side_by_side(dies, range(3), 2))


def results(work, items, processes):
    """{item: result, or the text of its error}."""
    made = as_made(work, items, processes)
    return {item: str(future.exception() or future.result()) for item, future in made}


def refuses_two(number):
    if number == 2:
        raise UserError("no two")
    return number * 10


@pytest.mark.parametrize("processes", [1, 2])
def test_the_error_of_one_item_is_its_own(processes):
    assert results(refuses_two, range(5), processes) == {0: "0", 1: "10", 2: "no two", 3: "30", 4: "40"}


def test_what_is_made_first_comes_first():
    def slower_at_first(number):
        time.sleep(0.5 if number == 0 else 0)

    assert [item for item, _ in as_made(slower_at_first, range(3), 2)][-1] == 0


@pytest.mark.parametrize("processes", [1, 2])
def test_items_that_are_not_wanted_any_more_are_left_out(processes):
    wanted = set(range(20))
    made = []
    for item, _ in as_made(lambda number: number, (item for item in range(20) if item in wanted), processes):
        made.append(item)
        wanted.clear()
    assert 0 in made and len(made) <= 2 * processes


def test_a_worker_that_dies_takes_only_its_own_item_with_it():
    def dies_at_three(number):
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    found = results(dies_at_three, range(8), 2)
    assert "worker process died, perhaps for lack of memory" in found.pop(3)
    assert found == {number: str(number) for number in range(8) if number != 3}


def test_closing_ends_the_workers_at_once():
    made = as_made(lambda number: time.sleep(60 * number), range(3), 2)
    next(made)
    begin = time.monotonic()
    made.close()
    assert time.monotonic() - begin < 10


def test_small_models_get_every_core_and_one_thread_each(threads, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert processes_for(Model(module.SMALL - 1)) == 3
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("model", [Model(module.SMALL), Model(10, "cuda")], ids=["large", "on a GPU"])
def test_large_models_and_gpus_get_one_process_and_all_threads_even_after_a_small_one(threads, model):
    processes_for(Model(10))
    assert processes_for(model) == 1
    assert torch.get_num_threads() == module.ALL_THREADS


def test_beside_a_gpu_a_process_that_has_worked_itself_makes_no_forks(threads, monkeypatch):
    monkeypatch.setattr(module, "_can_fork", True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert processes_for(Model(10)) == 2
    list(side_by_side(abs, [1], 1))
    assert processes_for(Model(10)) == 1
    assert torch.get_num_threads() == 1


def test_each_worker_takes_the_next_item_when_it_is_free():
    busy, most, taken = set(), [], []

    def work(number, worker):
        assert worker not in busy
        busy.add(worker)
        most.append(len(busy))
        time.sleep(0.2 if number == 0 else 0.02)
        busy.remove(worker)
        taken.append((number, worker))
        return number * 10

    found = {item: future.result() for item, future in by_workers(work, range(6), ["first", "second"])}
    assert found == {number: number * 10 for number in range(6)}
    assert max(most) == 2
    assert len({worker for number, worker in taken if number}) <= 2 and taken[0][0] != 0


def test_the_error_of_one_item_of_a_worker_is_its_own_and_the_worker_goes_on():
    made = by_workers(lambda number, _: refuses_two(number), range(5), ["one"])
    found = {item: str(future.exception() or future.result()) for item, future in made}
    assert found == {0: "0", 1: "10", 2: "no two", 3: "30", 4: "40"}


def test_items_for_workers_that_are_not_wanted_any_more_are_left_out():
    wanted, made = set(range(20)), []
    for item, _ in by_workers(lambda number, _: number, (item for item in range(20) if item in wanted), ["a", "b"]):
        made.append(item)
        wanted.clear()
    assert 0 in made and len(made) <= 3
