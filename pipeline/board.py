"""What a run shows in Prefect's UI beside its tasks: by REST, in a thread of its own, so that no server holds it up.

Task runs of items that need no process are made here as well, many in a request: Prefect's own way would cost such an
item more time than DVC takes to look at it.  When the server does not answer any more, one line says so and the work
goes on.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from pipeline import api

Event = dict[str, object]
TYPES = {"Failed": "FAILED", "Crashed": "CRASHED", "NotReady": "PENDING"}  # all other states are COMPLETED to Prefect
PATIENCE_S = 30.0  # for the server to take what is left at the end
NOISY = ("prefect.events", "prefect._internal", "prefect.client", "prefect.flow_engine")
TO_THE_SERVER = ("prefect.flow_runs", "prefect.task_runs")  # what they hand to their parent goes to the terminal


class Board:
    """One flow run as the server sees it.

    Attributes:
        flow_run: its id.
        is_up: whether the server still answers.
    """

    def __init__(self, url: str, flow_run: UUID) -> None:
        self.flow_run = flow_run
        self.is_up = True
        self._url = url
        self._notes: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._theirs: dict[UUID, str] = {}  # ids of artifacts, which the server chooses
        self._queue: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._sender = threading.Thread(target=self._send_all, daemon=True)
        self._sender.start()

    def note(self, verb: str, name: str, state: tuple[str, str], after: Iterable[UUID]) -> UUID:
        """Make a task run of an item that has no process to itself; its id.

        Args:
            verb: its stage.
            name: of the item.
            state: name and message.
            after: task runs that it follows: the edges in the UI.
        """
        made = uuid4()
        self._notes.put(_event(made, self.flow_run, (verb, name), state, after))
        self._queue.put(self._send_notes)
        return made

    def _send_notes(self) -> None:
        notes = []
        while not self._notes.empty():
            notes.append(self._notes.get())
        if notes:  # else they went with an earlier one
            api.call(self._url, "/events", notes)

    def show(self, kind: str, key: str, data: object, task_run: UUID | None = None) -> UUID:
        """Make an artifact, with its key as description; a number to name it by in `change`.

        Args:
            kind: "image", "markdown", "table" or "progress".
            key: what it is called, in lower-case letters, digits and dashes.
            data: as Prefect has it for this kind.
            task_run: that it belongs to; the flow run where there is none.
        """
        own = uuid4()
        run = {"flow_run_id": str(self.flow_run), **({"task_run_id": str(task_run)} if task_run else {})}
        made = {"type": kind, "key": key, "description": key, "data": data, **run}
        self._queue.put(lambda: self._theirs.update({own: api.made(self._url, "/artifacts/", made)}))
        return own

    def change(self, artifact: UUID, data: object) -> None:
        """Give an artifact other data."""
        self._queue.put(
            lambda: api.call(self._url, f"/artifacts/{self._theirs[artifact]}", {"data": data}, method="PATCH")
        )

    def close(self) -> None:
        """Wait until the server has all of it."""
        self._queue.put(None)
        self._sender.join(PATIENCE_S)

    def _send_all(self) -> None:
        while request := self._queue.get():
            try:
                request()
            except api.UnansweredError as error:
                self._give_up(error)
                return

    def _give_up(self, error: api.UnansweredError) -> None:
        self.is_up = False
        for name in NOISY:  # they would say it again for every task
            logging.getLogger(name).setLevel(logging.CRITICAL)
        for name in TO_THE_SERVER:
            logging.getLogger(name).handlers.clear()
        print(f"{self._url}: Prefect does not answer any more ({error}). The work goes on without it.", flush=True)


def _event(made: UUID, flow_run: UUID, task: tuple[str, str], state: tuple[str, str], after: Iterable[UUID]) -> Event:
    """What Prefect's own client tells the server of a task run that has got a state; many go in one request."""
    (verb, name), (how, message), now = task, state, datetime.now(UTC).isoformat()
    kind = TYPES.get(how, "COMPLETED")
    inputs = {"wait_for": [{"input_type": "task_run", "id": str(run)} for run in after]}
    times = dict.fromkeys(("expected_start_time", "start_time", "end_time"), now)  # without them the UI draws nothing
    return {
        "id": str(uuid4()),
        "occurred": now,
        "event": f"prefect.task-run.{how}",
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{made}",
            "prefect.resource.name": name,
            "prefect.state-name": how,
            "prefect.state-type": kind,
            "prefect.state-message": message,
            "prefect.state-timestamp": now,
            "prefect.run-count": "0",
            "prefect.orchestration": "client",
        },
        "related": [{"prefect.resource.id": f"prefect.flow-run.{flow_run}", "prefect.resource.role": "flow-run"}],
        "payload": {
            "intended": {"from": None, "to": kind},
            "initial_state": None,
            "validated_state": {"type": kind, "name": how, "message": message, "state_details": {}},
            "task_run": {"name": name, "task_key": verb, "dynamic_key": name, "task_inputs": inputs, **times},
        },
    }
