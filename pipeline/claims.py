"""DVC's claims on paths, kept in .dvc/tmp/rwlock: who reads and writes what, so that commands keep off each other."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.stage import Stage


def claim(repo: "Repo", stage: "Stage") -> AbstractContextManager[None]:
    """While open, no other DVC command may write what a stage reads, or touch what it writes.

    Raises:
        LockError: another one does; see `holders`.
    """
    from dvc.rwlock import rwlock

    deps, outs = ([one.fs_path for one in some] for some in (stage.deps, stage.outs))
    return rwlock(repo.tmp_dir, repo.fs, f"python -m pipeline run ({stage.addressing})", deps, outs, False)


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
