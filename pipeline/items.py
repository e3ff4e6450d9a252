"""Which stages there are, and which keys each takes: asked of dvc.yaml and params.yaml, written nowhere else."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.documents import read
from pipeline.mistakes import UserError, unknown


def keys_of(verb: str) -> list[str] | None:
    """The keys stage `verb` takes; None for a stage that runs once and takes none.

    Raises:
        UserError: dvc.yaml has no such stage.
    """
    stages = read(Path("dvc.yaml")).get("stages") or {}
    if verb not in stages:
        raise unknown("dvc.yaml has no stage", verb, stages)
    items = stages[verb].get("foreach")
    if items is None:
        return None
    return list(read(Path("params.yaml")).get(items.strip("${}")) or {})


def check(verb: str, keys: Sequence[str]) -> None:
    """Refuse a stage or a key that does not exist, before a process is started for it.

    Raises:
        UserError: unknown stage, unknown key, no key where one is needed, or a key where none is taken.
    """
    known = keys_of(verb)
    if known is None:
        if keys:
            raise UserError(f"stage {verb} takes no key, but got '{keys[0]}'.")
        return
    if not keys:
        raise UserError(f"stage {verb} needs a key. params.yaml has: {', '.join(known)}.")
    for key in keys:
        if key not in known:
            raise unknown(f"params.yaml has, for stage {verb}, no", key, known)
