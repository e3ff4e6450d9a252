"""Says which runs can start, and what the others lack: weights, known classes, pictures.

Reads params.yaml, and looks whether the files and folders are there that runs name and that the pipeline does not make
itself.  `python -m pipeline run` asks it before anything is computed.
Command: python -m stages.ready RUN [more runs]
Time: below a second.
"""

from stages.common import params
from stages.common.failures import Attempts, UserError, run_main
from stages.common.lacking import lacking
from stages.common.params import Run


def require_ready(run: Run) -> None:
    """Refuse a run that lacks something.

    Raises:
        UserError: names all that it lacks, and how to get it.
    """
    if found := lacking(run):
        raise UserError(" ".join(found))


def main(run: str, *more: str) -> None:
    """Say of each run whether it can start."""
    attempts, known = Attempts((run, *more)), params.load()
    for key in attempts.keys:
        with attempts.of(key):
            require_ready(known.run(key))
            print(f"{key}: ready", flush=True)
    attempts.end()


if __name__ == "__main__":
    run_main(main)
