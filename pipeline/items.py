"""Which stages there are, and which keys each takes: asked of dvc.yaml and params.yaml, written nowhere else."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.documents import read
from pipeline.mistakes import UserError, listed, unknown


def keys_of(verb: str) -> list[str] | None:
    """The keys stage `verb` takes; None for a stage that runs once and takes none.

    Raises:
        UserError: dvc.yaml has no such stage.
    """
    stages = _stages()
    if verb not in stages:
        raise unknown("dvc.yaml has no stage", verb, stages)
    section = _section(stages[verb])
    return None if section is None else list(read(Path("params.yaml")).get(section) or {})


def keys_among(names: Iterable[str], section: str) -> list[str]:
    """The keys of these items whose stages go over a section of params.yaml, each once.

    Args:
        names: of items, e.g. "invert@world-moongate".
        section: "runs" or "concepts".
    """
    verbs = {verb for verb, stage in _stages().items() if _section(stage) == section}
    parts = (name.partition("@") for name in names)
    return list(dict.fromkeys(key for verb, _, key in parts if verb in verbs))


def _stages() -> dict[str, Any]:
    return read(Path("dvc.yaml")).get("stages") or {}


def _section(stage: dict[str, Any]) -> str | None:
    """The section of params.yaml that a stage has an item for each entry of; None where it has none."""
    over = stage.get("foreach")
    return over.strip("${}") if isinstance(over, str) else None


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
        raise UserError(f"stage {verb} needs a key. params.yaml has: {listed(known)}.")
    for key in keys:
        if key not in known:
            raise unknown(f"params.yaml has, for stage {verb}, no", key, known)
