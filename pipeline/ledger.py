"""What DVC is told of items that we run ourselves: results removed, restored, and recorded in its cache and dvc.lock.

`dvc repro` loads the whole project anew for every stage, which grows with the square of their number. Here it is
loaded once, and dvc.lock is written for several items at a time. All that DVC decides, it still decides: what is stale,
what its run cache holds, what goes into dvc.lock. The parts used are internal to it; tests/pipeline/test_ledger.py runs
them against real projects.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline import claims, dag
from pipeline.mistakes import UserError

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage

CACHED = "Cached"
RESTORED = "Restored"
SECONDS_BETWEEN_LOOKS = 1.0
# Writing dvc.lock takes as long as it is large; it is written again when this many times that long has passed.
WRITING_SHARE = 10


@dataclass(frozen=True)
class Item:
    """A stage item of the graph.

    Attributes:
        name: "invert@world-moongate".
        verb: "invert".
        needs: names of the items that it follows.
        command: what runs it, for a shell.
        can_travel: whether DVC's cache holds all that it reads from other items and all that it writes, so that another
            machine can run it; what may run although something before it failed does not travel.
        hints: `meta:` of dvc.yaml.
    """

    name: str
    verb: str
    needs: tuple[str, ...]
    command: str
    can_travel: bool = False
    hints: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Which of the verb's items; "" where it has but one."""
        return self.name.partition("@")[2]


class Ledger:
    """DVC's record of a project, open for a run.  Safe to use from several threads; see `opened`.

    Attributes:
        items: by name, in an order in which they can run.
        finished: names of items whose results are recorded, or were found as they should be.
    """

    def __init__(self, repo: "Repo", stages: "list[tuple[Stage, list[str]]]") -> None:
        self._repo = repo
        self._stages = {stage.addressing: stage for stage, _ in stages}
        uncached = [out.fs_path for stage in repo.index.stages for out in stage.outs if not out.use_cache]
        self.items = {stage.addressing: _item(stage, needs, uncached) for stage, needs in stages}
        self.finished: set[str] = set()
        self._mutex = threading.RLock()
        self._begun: dict[str, list[Any]] = {}
        self._shared = claims.Claims(repo)
        self._claims: dict[str, AbstractContextManager[None]] = {}
        self._busy: dict[str, str] = {}  # items on which another command was at work when they were to be prepared
        self._is_stopped = threading.Event()
        self._unwritten: list[Stage] = []
        self._written, self._cost = time.monotonic(), 0.0

    def prepare(self, name: str, before: Callable[[], None] = lambda: None) -> str | None:
        """Make an item ready to run: "Cached" or "Restored" where it need not, else None, its old results removed.

        Where another DVC command is at work on it nothing is touched, and `begin` waits for it.

        Args:
            name: of the item.
            before: called when the item is found out of date, before anything is removed.

        Raises:
            UserError: something that it needs is missing.
        """
        from dvc.lock import LockError

        with self._locked():
            try:
                return self._prepare(self._stages[name], before)
            except LockError as error:
                self._busy[name] = claims.holders(error)
                return None
            except FileNotFoundError as error:
                raise UserError(f"{name} needs {error.filename}, which does not exist.") from error

    def _prepare(self, stage: "Stage", before: Callable[[], None]) -> str | None:
        from dvc.stage.cache import RunCacheNotFoundError
        from dvc_data.hashfile.hash_info import HashInfo

        if not stage.changed():
            self.finished.add(stage.addressing)
            return CACHED
        before()
        if stage.frozen:
            stage.run()
            self._record(stage)
            return CACHED
        stage.remove_outs(ignore_remove=False, force=False)
        try:
            self._repo.stage_cache.restore(stage)
        except RunCacheNotFoundError:
            for out in stage.outs:  # else DVC would take the old results for those of the new inputs, if asked again
                out.hash_info = HashInfo()
            return None
        self._record(stage)
        return RESTORED

    def begin(self, name: str) -> bool:
        """Claim what a prepared item reads and writes, until `finish` or `abandon`: other DVC commands keep off it.

        Waits where another one is at work there, after a line that says which.

        Returns:
            Whether it has to run still; False where the other one has done it.

        Raises:
            UserError: told to stop while it waited.
        """
        told = ""
        while busy := self._busy.pop(name, "") or self._claim(name):
            if busy != told:
                print(f"Waiting: {busy}", flush=True)
            told = busy
            if self._is_stopped.wait(SECONDS_BETWEEN_LOOKS):
                raise UserError("stopped before it began")
            with self._locked():
                self._stages[name] = self._stages[name].reload()  # with what the other one has recorded
            if self.prepare(name):
                return False
        with self._locked():
            self._stages[name].save_deps()
            self._begun[name] = [dep.hash_info for dep in self._stages[name].deps]
        return True

    def stop(self) -> None:
        """Wait for no other command any more."""
        self._is_stopped.set()

    def _claim(self, name: str) -> str:
        """Who keeps us from claiming an item; "" where it is ours now."""
        from dvc.lock import LockError

        with self._mutex:
            claim = self._shared.claim(self._stages[name])
            try:
                claim.__enter__()
            except LockError as error:
                return claims.holders(error)
            self._claims[name] = claim
        return ""

    def abandon(self, name: str) -> None:
        """Give up the claim on an item that will not be finished."""
        with self._mutex:
            if claim := self._claims.pop(name, None):
                claim.__exit__(None, None, None)

    def finish(self, name: str) -> None:
        """Record the results of an item that has run.

        Raises:
            UserError: a result is missing, or something that the item read was changed while it ran; then nothing is
                recorded, and the item stays out of date.
        """
        stage = self._stages[name]
        with self._locked():  # held from here on, so that nobody comes in between
            self.abandon(name)
            before = self._begun.pop(name)
            stage.save_deps()
            for dep, then in zip(stage.deps, before, strict=True):
                if dep.hash_info != then:
                    raise UserError(f"{name}: {dep} was changed while it ran; its result is not kept. Run again.")
            self._record(stage)

    def reads(self, name: str) -> dict[str, str]:
        """Digests of what an item reads, by path; of params.yaml, the values that it reads."""
        found = {}
        with self._locked():
            for dep in self._stages[name].deps:
                recorded = dep.hash_info, dep.meta  # by which DVC sees what has changed
                dep.save()
                found[str(dep)] = str(dep.hash_info.value)
                dep.hash_info, dep.meta = recorded
        return found

    def fetch(self, names: Sequence[str]) -> None:
        """Bring what items read from other items out of the cache, in place of whatever lies there.

        Raises:
            UserError: the cache does not have all of it.
        """
        from dvc.exceptions import DvcException

        needs = dict.fromkeys(need for name in names for need in self.items[name].needs)
        try:
            if needs:  # no target would mean all
                with self._mutex:
                    self._repo.checkout(targets=list(needs), force=True)  # takes DVC's lock itself
        except DvcException as error:
            raise UserError(dag.told(error)) from error

    def write(self) -> None:
        """Bring dvc.lock up to date with all that was recorded."""
        with self._locked():
            self._write()

    def _write(self) -> None:
        if self._unwritten:
            begin = time.monotonic()
            self._unwritten[0].dvcfile.dump_stages(self._unwritten, update_pipeline=False)
            self._unwritten, self._written = [], time.monotonic()
            self._cost = self._written - begin

    def _record(self, stage: "Stage") -> None:
        is_kept = all(out.use_cache or out.is_metric or out.is_plot for out in stage.outs)
        stage.save(run_cache=is_kept)
        stage.commit()
        for dep in stage.deps:  # values of params.yaml, parsed once for all, would be written once and then referred to
            dep.hash_info = deepcopy(dep.hash_info)
        self.finished.add(stage.addressing)
        self._unwritten.append(stage)
        # after a kill the run cache gives back what dvc.lock does not have yet
        if time.monotonic() - self._written > WRITING_SHARE * self._cost:
            self._write()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from dvc.exceptions import DvcException

        try:
            with self._mutex, self._repo.lock, claims.read_once(self._repo):
                yield
        except DvcException as error:
            raise UserError(dag.told(error)) from error


@contextmanager
def opened(targets: Sequence[str] = ()) -> Iterator[Ledger]:
    """The ledger of the project in the current folder; at the end all that was recorded is in dvc.lock.

    Args:
        targets: as `dag.plan` has them.

    Raises:
        UserError: as `dag.plan`.
    """
    with dag.opened() as repo:
        logging.getLogger("dvc").setLevel(logging.WARNING)  # what it says of every item, the run says in its own way
        ledger = Ledger(repo, dag.ordered(repo, targets))
    with dag.params_read_once():
        try:
            yield ledger
        finally:
            ledger.write()


def _item(stage: "Stage", needs: list[str], uncached: list[str]) -> Item:
    reads = [dep.fs_path for dep in stage.deps if dep.fs_path]
    hints = dict(stage.meta or {})
    overlaps = stage.repo.fs.isin_or_eq
    travels = all(out.use_cache for out in stage.outs) and not any(
        overlaps(dep, out) or overlaps(out, dep) for dep in reads for out in uncached
    )
    return Item(
        name=stage.addressing,
        verb=stage.addressing.partition("@")[0],
        needs=tuple(needs),
        command=stage.cmd or "",
        can_travel=travels and not hints.get("holes"),
        hints=hints,
    )
