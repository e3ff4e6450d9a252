"""All that is asked of DVC, in one file: the graph, what is out of date and why, what nobody names any more.

The parts of DVC used here are internal to it (`Repo.index`, `Stage.status`, `Lockfile`); pyproject.toml pins the
version, and tests/pipeline/test_dag.py runs them against real projects.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from pipeline.mistakes import UserError, unknown

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage

LOCK = Path("dvc.lock")
WORDS = {"changed command": "its command changed", "always changed": "it always runs"}


@dataclass(frozen=True)
class Stale:
    """A stage item that `dvc repro` would run, or restore from the run cache.

    Attributes:
        name: as DVC has it, e.g. "invert@world-moongate".
        reasons: what changed, e.g. "stages/invert.py modified"; empty where only what it follows is out of date.
        after: items that it needs and that are out of date themselves; where they come out as they were, it stays.
    """

    name: str
    reasons: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Leftover:
    """An entry of dvc.lock that neither dvc.yaml nor params.yaml names any more.

    Attributes:
        name: of the stage item.
        outs: its results that are still on disk and still as it wrote them.
        edited: results that were changed by hand since; they are never removed.
    """

    name: str
    outs: tuple[Path, ...]
    edited: tuple[Path, ...]


def plan(targets: Sequence[str] = ()) -> tuple[list[Stale], int]:
    """What is out of date, in an order in which it can run, and how many items were looked at.

    Args:
        targets: stages ("invert") or items ("invert@world-moongate"); they and what they need are looked at. Without
            any, all are.

    Raises:
        UserError: no such target, or DVC cannot read its files.
    """
    with opened() as repo:
        order = ordered(repo, targets)
        locked, stale = _locked(), {}
        for stage, needs in order:
            reasons = ["never ran"] if stage.name not in locked else _reasons(stage)
            after = tuple(need for need in needs if need in stale)
            if reasons or after:
                stale[stage.addressing] = Stale(stage.addressing, tuple(reasons), after)
    return list(stale.values()), len(order)


@contextmanager
def opened() -> "Iterator[Repo]":
    """The DVC repository, locked against other DVC commands, params.yaml read once.

    Raises:
        UserError: no DVC repository here, dvc.lock or another file of DVC is broken, or another command holds the lock.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        repo = Repo(os.curdir, _wait_for_lock=True)
        with repo.lock, params_read_once():
            yield repo
    except DvcException as error:
        raise UserError(told(error)) from error


@contextmanager
def params_read_once() -> Iterator[None]:
    """While open, DVC parses params.yaml once and not for every item, which with 200 of them is most of its time.

    After an edit it is parsed again. What an item reads of it is looked up key by key; DVC goes through the whole file
    for each value, which with 1000 concepts is most of its time.
    """
    from dvc.dependency import param

    parsed: dict[str, tuple[tuple[int, int, int], Any]] = {}
    load, read_all = param.load_path, param.read_param_file

    def load_changed(path: str, *rest: Any, **options: Any) -> Any:
        stat = os.stat(path)  # noqa: PTH116 - DVC's paths are strings
        mark = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if path not in parsed or parsed[path][0] != mark:
            parsed[path] = mark, load(path, *rest, **options)
        return parsed[path][1]

    def read_keys(fs: Any, path: str, key_paths: list[str] | None = None, flatten: bool = False, **options: Any) -> Any:
        if key_paths and flatten:
            content = load_changed(path, fs, **options)
            with suppress(KeyError, TypeError):  # not all there, or no plain keys of mappings all the way
                return {keys: reduce(getitem, keys.split("."), content) for keys in key_paths}
        return read_all(fs, path, key_paths, flatten, **options)

    with patch.object(param, "load_path", load_changed), patch.object(param, "read_param_file", read_keys):
        yield


def told(error: Exception) -> str:
    """An error of DVC in one line, with the way back where dvc.lock is broken."""
    text = " ".join(str(error).split())
    if str(LOCK) in text:
        text += f" `git checkout {LOCK}` brings back the last whole one; finished stages are then found in DVC's cache."
    return text


def ordered(repo: "Repo", targets: Sequence[str]) -> "list[tuple[Stage, list[str]]]":
    """Each stage item with the names of those it needs, needs first.

    Raises:
        UserError: no such target.
    """
    import networkx
    from dvc.repo.reproduce import collect_stages, get_active_graph, get_subgraph

    graph = get_active_graph(repo.index.graph)
    if targets:
        _check(targets, graph)
        graph = get_subgraph(graph, collect_stages(repo, list(targets)))
    order = networkx.dfs_postorder_nodes(graph)  # as `dvc repro` runs them; DVC's edges point to what is needed
    return [(stage, [need.addressing for need in graph.successors(stage)]) for stage in order]


def _check(targets: Sequence[str], graph: Any) -> None:
    items = {stage.addressing for stage in graph}
    known = items | {item.partition("@")[0] for item in items}
    for target in targets:
        if target not in known:
            raise unknown("dvc.yaml has no stage or item", target, known)


def _locked() -> dict[str, Any]:
    from dvc.utils.serialize import load_yaml  # seven times as quick as `documents.read`: of many items it is long

    return (load_yaml(LOCK).get("stages") or {}) if LOCK.exists() else {}


def _reasons(stage: "Stage") -> list[str]:
    found = []
    for entry in stage.status().get(stage.addressing, []):
        if isinstance(entry, str):
            found.append(WORDS.get(entry, entry))
            continue
        for paths in entry.values():
            for path, change in paths.items():
                found += [f"{path} {change}"] if isinstance(change, str) else _params(path, change)
    return found


def _params(path: str, changes: dict[str, str]) -> list[str]:
    return [f"{path}: {key} {change}" for key, change in changes.items()]


def leftovers() -> list[Leftover]:
    """Entries of dvc.lock whose concept or run params.yaml no longer names.

    Raises:
        UserError: as `plan`.
    """
    with opened() as repo:
        named = {stage.addressing for stage in repo.index.stages}
        gone = {name: entry for name, entry in _locked().items() if name not in named}
        kept = {str(out) for stage in repo.index.stages for out in stage.outs}
        return [_leftover(repo, name, entry, kept) for name, entry in gone.items()]


def _leftover(repo: "Repo", name: str, entry: dict, kept: set[str]) -> Leftover:
    outs, edited = [], []
    for out in entry.get("outs", []):
        path = Path(out["path"])
        if path.exists() and str(path) not in kept:
            (outs if _is_as_written(repo, path, out) else edited).append(path)
    return Leftover(name, tuple(outs), tuple(edited))


def _is_as_written(repo: "Repo", path: Path, out: dict) -> bool:
    """Whether a file is what dvc.lock has on record; folders are, since nobody edits pictures and checkpoints."""
    from dvc_data.hashfile.hash import file_md5

    return path.is_dir() or file_md5(str(path), repo.fs) == out.get("md5")


def drop(gone: Sequence[Leftover]) -> None:
    """Remove what `leftovers` found: the results first, then the entries, so that a kill in between loses no record."""
    from dvc.utils.serialize import dump_yaml, load_yaml

    with opened():
        for leftover in gone:
            for path in leftover.outs:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        locked = load_yaml(LOCK)
        for leftover in gone:
            locked["stages"].pop(leftover.name, None)
        temporary = LOCK.with_name(f".{LOCK.name}.{os.getpid()}")
        dump_yaml(temporary, locked)
        temporary.replace(LOCK)
