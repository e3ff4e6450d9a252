"""Waits until a process has ended, then closes the flow run that stands for it.  Standard library only.

python -m pipeline.watch URL FLOW_RUN PID STARTED     (started by pipeline/reporter.py)
"""

import sys
import time
from contextlib import suppress

from pipeline import reporter
from pipeline.api import UnansweredError
from pipeline.processes import Process

SECONDS_BETWEEN_LOOKS = 1.0
LOOKS = 15  # for tasks that outlive their DVC: pipeline/stage.py gives one 10 s to end


def main(url: str, flow_run: str, process: Process) -> None:
    """Wait until the process has ended and no task run says any more that it runs, then close.

    Args:
        url: of Prefect's API.
        flow_run: its id.
        process: the one that the flow run stands for.
    """
    while process.is_running():
        time.sleep(SECONDS_BETWEEN_LOOKS)
    for look in range(1, LOOKS + 1):
        with suppress(UnansweredError):
            if look == LOOKS or not reporter.is_at_work(url, flow_run):
                return reporter.close(url, flow_run)
        time.sleep(SECONDS_BETWEEN_LOOKS)


if __name__ == "__main__":
    main(*sys.argv[1:3], Process(int(sys.argv[3]), sys.argv[4]))
