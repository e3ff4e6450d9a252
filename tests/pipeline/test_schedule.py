"""The order of a graph, worked by hand."""

import pytest

from pipeline.ledger import Item
from pipeline.schedule import Schedule, batches, command


def item(name, *needs):
    verb, _, key = name.partition("@")
    return Item(name, verb, needs, f"python -m pipeline stage {verb} {key}".strip())


#   draw -> invert@a -> tune@a \
#        -> invert@b -> tune@b  -> report     lone
GRAPH = [
    item("draw"),
    item("invert@a", "draw"),
    item("invert@b", "draw"),
    item("tune@a", "invert@a"),
    item("tune@b", "invert@b"),
    item("report", "tune@a", "tune@b"),
    item("lone"),
]


def names(items):
    return [item.name for item in items]


def test_each_item_is_ready_once_as_soon_as_all_that_it_needs_is_done():
    schedule = Schedule(GRAPH)
    assert names(schedule.ready()) == ["draw", "lone"]
    assert schedule.ready() == []
    schedule.done("draw")
    assert names(schedule.ready()) == ["invert@a", "invert@b"]
    schedule.done("invert@b")
    assert names(schedule.ready()) == ["tune@b"]
    for name in ("invert@a", "tune@b", "lone"):
        schedule.done(name)
    assert names(schedule.ready()) == ["tune@a"]
    schedule.done("tune@a")
    assert names(schedule.ready()) == ["report"]
    assert not schedule.is_over
    schedule.done("report")
    assert schedule.is_over


def test_what_follows_a_failure_is_dropped_and_the_rest_goes_on():
    schedule = Schedule(GRAPH)
    schedule.ready()
    schedule.done("draw")
    schedule.ready()
    assert schedule.failed("invert@a") == ["tune@a", "report"]
    schedule.done("invert@b")
    assert names(schedule.ready()) == ["tune@b"]
    assert schedule.failed("tune@b") == []
    schedule.done("lone")
    assert schedule.is_over


HOLED = [*GRAPH[:5], Item("report", "report", ("tune@a", "tune@b"), "", hints={"holes": True}), item("post", "report")]


def test_what_takes_holes_is_dropped_like_the_rest_unless_told_to_keep_going():
    schedule = Schedule(HOLED)
    schedule.ready()
    schedule.done("draw")
    assert schedule.failed("invert@a") == ["tune@a", "report", "post"]


def test_what_takes_holes_is_ready_once_all_that_it_needs_has_ended_whichever_way():
    schedule = Schedule(HOLED, keep_going=True)
    schedule.ready()
    schedule.done("draw")
    assert names(schedule.ready()) == ["invert@a", "invert@b"]
    assert schedule.failed("invert@a") == ["tune@a"]
    assert schedule.ready() == []
    schedule.done("invert@b")
    assert names(schedule.ready()) == ["tune@b"]
    assert schedule.failed("tune@b") == []
    assert names(schedule.ready()) == ["report"]
    schedule.done("report")
    assert names(schedule.ready()) == ["post"]


def test_what_follows_a_report_that_failed_is_dropped_all_the_same():
    schedule = Schedule(HOLED, keep_going=True)
    schedule.ready()
    assert schedule.failed("draw") == ["invert@a", "invert@b", "tune@a", "tune@b"]
    assert names(schedule.ready()) == ["report"]
    assert schedule.failed("report") == ["post"] and schedule.is_over


def test_a_need_that_is_not_looked_at_is_not_waited_for():
    assert names(Schedule([item("invert@a", "draw")]).ready()) == ["invert@a"]


def test_a_verb_may_grow_until_its_last_item_was_handed_out_or_dropped():
    schedule = Schedule(GRAPH)
    schedule.ready()
    assert schedule.may_grow("invert") and schedule.may_grow("tune") and not schedule.may_grow("draw")
    schedule.done("draw")
    schedule.ready()
    assert not schedule.may_grow("invert") and schedule.may_grow("tune")
    schedule.done("invert@a")
    schedule.ready()
    assert schedule.may_grow("tune")  # tune@b may still come
    schedule.failed("invert@b")
    assert not schedule.may_grow("tune")


@pytest.mark.parametrize(
    ("n_items", "n", "size", "expected"),
    [
        (5, 1, 100, [5]),
        (5, 2, 100, [2, 3]),
        (5, 8, 100, [1, 1, 1, 1, 1]),
        (5, 1, 2, [1, 2, 2]),
        (5, 2, 1, [1, 1, 1, 1, 1]),
        (1, 4, 4, [1]),
        (200, 1, 100, [100, 100]),
        (201, 2, 100, [67, 67, 67]),
    ],
)
def test_batches_are_nearly_equal_and_as_many_as_can_run_or_as_their_size_asks_for(n_items, n, size, expected):
    items = [item(f"invert@{i}") for i in range(n_items)]
    made = batches(items, n, size)
    assert [len(batch) for batch in made] == expected
    assert [one for batch in made for one in batch] == items


def test_one_command_takes_the_keys_of_several_items():
    assert command(GRAPH[1:3]) == "python -m pipeline stage invert a b"
    assert command(GRAPH[1:2]) == "python -m pipeline stage invert a"
    assert command(GRAPH[:1]) == "python -m pipeline stage draw"
