"""DVC's claims on paths, kept in .dvc/tmp/rwlock: who reads and writes what, so that commands keep off each other."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.stage import Stage


@dataclass(eq=False)
class Reading:
    """Paths that were claimed together for reading, until the last item that reads one of them is done."""

    paths: frozenset[str]
    claim: AbstractContextManager[None]
    readers: int = 0


class Claims:
    """The claims of this process.

    What many items read, their code above all, is claimed once: DVC reads and writes all claims for each new one,
    which for a hundred items at once would take longer than most of them.
    """

    def __init__(self, repo: "Repo") -> None:
        self._repo = repo
        self._readings: list[Reading] = []

    @contextmanager
    def claim(self, stage: "Stage") -> Iterator[None]:
        """While open, no other DVC command may write what a stage reads, or touch what it writes.

        Raises:
            LockError: another one does; see `holders`.
        """
        reads, writes = ([one.fs_path for one in some] for some in (stage.deps, stage.outs))
        shared = [one for one in self._readings if not one.paths.isdisjoint(reads)]
        new = [path for path in reads if not any(path in one.paths for one in shared)]
        with self._of(stage, [], writes):
            readings = [*shared, *self._begun(stage, new)]
            for one in readings:
                one.readers += 1
            try:
                yield
            finally:
                for one in readings:
                    self._leave(one)

    def _begun(self, stage: "Stage", paths: list[str]) -> list[Reading]:
        if not paths:
            return []
        claim = self._of(stage, paths, [])
        claim.__enter__()
        self._readings.append(Reading(frozenset(paths), claim))
        return self._readings[-1:]

    def _leave(self, reading: Reading) -> None:
        reading.readers -= 1
        if not reading.readers:
            self._readings.remove(reading)
            reading.claim.__exit__(None, None, None)

    def _of(self, stage: "Stage", reads: list[str], writes: list[str]) -> AbstractContextManager[None]:
        from dvc.rwlock import rwlock

        command = f"python -m pipeline run ({stage.addressing})"
        return rwlock(self._repo.tmp_dir, self._repo.fs, command, reads, writes, False)


def holders(error: "LockError") -> str:
    """The paths and the processes of a claim that stands in the way, in one line."""
    return " ".join(str(error).split("\n\n")[0].split())


@contextmanager
def read_once(repo: "Repo") -> Iterator[None]:
    """While open, steps of DVC heed the claims of other processes as they are now, and make none of their own.

    For use while DVC's lock is ours: nobody else gets to change a claim then, or to see ours.  DVC would rewrite the
    file a dozen times for every item that it looks at, which is most of the time that it takes.  Among the items of
    this process the graph keeps order.
    """
    from dvc import rwlock

    with rwlock._edit_rwlock(repo.tmp_dir, repo.fs, False) as found:
        write = {path: info for path, info in found["write"].items() if info["pid"] != os.getpid()}
        read = {path: [one for one in some if one["pid"] != os.getpid()] for path, some in found["read"].items()}
        others = defaultdict(dict, {"read": read, "write": write})  # DVC drops what the dead have left

    @contextmanager
    def heeded(tmp_dir: str, _fs: Any, cmd: str, reads: list[str], writes: list[str], _hard: bool) -> Iterator[None]:
        own = {"pid": os.getpid(), "cmd": cmd}
        rwlock._check_blockers(tmp_dir, others, own, mode="write", waiters=reads + writes)
        rwlock._check_blockers(tmp_dir, others, own, mode="read", waiters=writes)
        yield

    with patch.object(rwlock, "rwlock", heeded):
        yield
