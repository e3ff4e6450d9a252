"""A YAML file as plain Python, as DVC reads it (YAML 1.2, anchors, merge keys), with the line of every key."""

from collections.abc import Iterable
from pathlib import Path

from stages.common.failures import UserError


class Section(dict):
    """A mapping of a YAML file: a plain dict that also knows on which line each of its keys was written.

    Attributes:
        lines: {key: line, from 1}; a merged key (`<<: *shared`) has the line where the anchor wrote it.
    """

    def __init__(self, entries: Iterable, lines: dict[str, int] | None = None) -> None:
        """Take the entries and the line of each; a copy made of entries alone, as asdict makes one, has no lines."""
        super().__init__(entries)
        self.lines = lines or {}


def place(where: str, section: object, key: str) -> str:
    """Where a key is written: ("params.yaml: runs.x", section, "family") gives "params.yaml line 41: runs.x.family".

    Args:
        where: the section's own place, "FILE: DOTTED.KEYS" or "FILE:" for the top of the file.
        section: a Section; any other object has no lines, so the place goes without.
        key: a key of the section, or one that is missing there (no line then).
    """
    file, _, keys = where.partition(":")
    line = getattr(section, "lines", {}).get(key)
    numbered = f"{file} line {line}" if line else file
    dotted = ".".join(part for part in (keys.strip(), str(key)) if part)
    return f"{numbered}: {dotted}"


def read(path: Path) -> Section:
    """Read a YAML file whose top is a mapping.

    Raises:
        UserError: the file is missing, is no UTF-8 text or no YAML, holds a key twice, or is no mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        root = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no {path} here. Run this in the project's root.") from None
    except MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path}{line}: {_problem(error)}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML text: {error}") from None
    if not isinstance(root, dict):
        raise UserError(f"{path} must be a list of `key: value`, but is {_plain(root)!r}.")
    return _plain(root)


def _problem(error: Exception) -> str:
    problem = str(error.problem)
    if problem.startswith("found duplicate key"):
        key = problem.split('"')[1]
        return f"the key {key!r} is written twice in one mapping. Keep one of them."
    return f"this is no YAML: {problem}."


def _plain(node: object) -> object:
    if isinstance(node, dict):
        lines = _lines(node)
        return Section({key: _plain(node[key]) for key in node}, {key: lines[key] for key in node if key in lines})
    if isinstance(node, list):
        return [_plain(item) for item in node]
    # ruamel wraps numbers and texts to remember their spelling; a bool with an anchor is a wrapped int
    if type(node).__name__ == "ScalarBoolean":
        return bool(node)
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _lines(node: dict) -> dict[str, int]:
    lines: dict[str, int] = {}
    for merged in getattr(node, "merge", None) or []:
        lines = {**_lines(merged), **lines}
    own = {key: position[0] + 1 for key, position in (node.lc.data or {}).items()}
    return {**lines, **own}
