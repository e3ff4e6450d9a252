"""The full view: every item of the graph as a task run in Prefect's UI, several side by side.

    python -m pipeline run [TARGET...] [--jobs N] [--batch N] [--dask ADDRESS] [--keep-going]

What can be refused is refused before Prefect, which takes its time, is imported.
"""

import os
from argparse import ArgumentParser, Namespace

from pipeline import api
from pipeline.mistakes import UserError

BATCH = 100
# Without them a server that is gone would hold up the end of a run for minutes.
QUIET = {"DO_NOT_TRACK": "1", "PREFECT_CLIENT_MAX_RETRIES": "2"}


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("targets", metavar="TARGET", nargs="*", help="stages or items with what they need; else all")
    parser.add_argument("--jobs", type=_count, metavar="N", help="processes side by side (default: one a GPU, else 2)")
    parser.add_argument(
        "--batch", type=_count, metavar="N", default=BATCH, help="items a process (default: %(default)s)"
    )
    parser.add_argument(
        "--keep-going", action="store_true", help="where a run lacks data or weights, do the others and report on them"
    )
    parser.add_argument("--dask", metavar="ADDRESS", help="of a Dask scheduler whose workers run the items")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def main(given: Namespace) -> int:
    """Run what is out of date.

    Returns:
        The exit code: 0 when all is up to date, 1 when something failed, 130 when it was stopped by a signal.

    Raises:
        UserError: no server, or another run is at work.
    """
    _require_server()
    from pipeline import flow

    state = flow.run(given.targets, given.jobs, given.batch, given.dask, given.keep_going, return_state=True)
    print(f"{state.name}: {state.message}")
    return flow.exit_code(state)


def _require_server() -> None:
    url = api.address()
    if url is None:
        raise UserError(
            "`pipeline run` shows itself in Prefect, and there is no server: start one in another terminal, "
            "`python -m pipeline serve`, or name yours in PREFECT_API_URL. `dvc repro` does the same work without one."
        )
    try:
        api.call(url, "/health", method="GET")
    except api.UnansweredError as error:
        raise UserError(
            f"{url}: Prefect does not answer ({error}). Start it anew, or use `dvc repro`, which needs none."
        ) from error
    os.environ[api.VARIABLE] = url
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
