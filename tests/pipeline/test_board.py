"""What is told to a server beside the tasks; stand-ins for servers, which start at once."""

import json
import logging
import time
from uuid import UUID

import pytest

from pipeline import api, board
from pipeline.board import Board
from tests.pipeline.stand_ins import listening, mute

RUN, TASK = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True)
def loggers():
    """A board that gives up silences Prefect's; here they are as before after each test."""
    some = [logging.getLogger(name) for name in (*board.NOISY, *board.TO_THE_SERVER)]
    before = [(logger, logger.level, list(logger.handlers)) for logger in some]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def told(asked):
    return [(path.removeprefix("/api"), json.loads(content)) for path, _, content in asked]


def test_an_item_without_a_process_becomes_a_task_run_with_its_state_and_its_edges():
    with listening(['{"id": "any"}'] * 3) as (url, asked):
        shown = Board(url, RUN)
        first = shown.note("make", "make@kite", ("Cached", "as it was"), [])
        shown.note("note", "note@kite", ("NotReady", "follows"), [first, TASK])
        shown.note("count", "count", ("Crashed", "hit"), [])
        shown.close()
    assert {path for path, _ in told(asked)} == {"/events"}
    made, late, crashed = [event for _, events in told(asked) for event in events]
    assert made["resource"]["prefect.resource.id"] == f"prefect.task-run.{first}"
    assert made["related"][0]["prefect.resource.id"] == f"prefect.flow-run.{RUN}"
    assert (made["payload"]["task_run"]["name"], made["payload"]["task_run"]["task_key"]) == ("make@kite", "make")
    states = [event["payload"]["validated_state"] for event in (made, late, crashed)]
    assert states[0] == {"type": "COMPLETED", "name": "Cached", "message": "as it was", "state_details": {}}
    assert [state["type"] for state in states[1:]] == ["PENDING", "CRASHED"]
    assert [one["id"] for one in late["payload"]["task_run"]["task_inputs"]["wait_for"]] == [str(first), str(TASK)]


def test_task_runs_that_are_waiting_go_in_one_request():
    with listening(["null"] * 50) as (url, asked):
        shown = Board(url, RUN)
        for n in range(50):
            shown.note("make", f"make@{n}", ("Cached", ""), [])
        shown.close()
    sent = [len(events) for _, events in told(asked)]
    assert sum(sent) == 50 and len(sent) < 50


def test_an_artifact_is_made_and_changed_by_the_id_that_the_server_gave():
    with listening(['{"id": "theirs"}', "null"]) as (url, asked):
        shown = Board(url, RUN)
        shown.change(shown.show("progress", "progress-of-x", 0.0, TASK), 50.0)
        shown.close()
    made = {"type": "progress", "key": "progress-of-x", "description": "progress-of-x", "data": 0.0}
    assert told(asked) == [
        ("/artifacts/", {**made, "flow_run_id": str(RUN), "task_run_id": str(TASK)}),
        ("/artifacts/theirs", {"data": 50.0}),
    ]


def test_a_server_that_is_busy_is_asked_again(capfd):
    with listening(["", "", '{"id": "theirs"}']) as (url, asked):
        shown = Board(url, RUN)
        shown.show("markdown", "graph", "text")
        shown.close()
    assert len(asked) == 3 and shown.is_up
    assert capfd.readouterr() == ("", "")


def test_a_server_that_dies_in_the_middle_costs_one_line_and_nothing_is_raised(capfd):
    with listening(['{"id": "theirs"}']) as (url, asked):
        shown = Board(url, RUN)
        for n in range(5):
            shown.show("markdown", f"text-{n}", "text")
        shown.close()
        artifact = shown.show("progress", "late", 0.0)
        shown.change(artifact, 1.0)
        shown.close()
    assert not shown.is_up and len(asked) == 2
    said, errors = capfd.readouterr()
    assert said.startswith(f"{url}: Prefect does not answer any more (")
    assert said.endswith("The work goes on without it.\n") and said.count("\n") == 1 and errors == ""


def test_a_server_that_goes_mute_is_not_waited_for_by_who_notes_something(capfd, monkeypatch):
    monkeypatch.setattr(api, "TIMEOUT_S", 0.5)
    with mute() as url:
        shown = Board(url, RUN)
        begun = time.monotonic()
        for _ in range(1000):
            shown.note("make", "make@kite", ("Cached", ""), [])
        assert time.monotonic() - begun < 0.5
        shown.close()
    assert "no answer within 0.5 s" in capfd.readouterr().out
