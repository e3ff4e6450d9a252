"""The classes that a run's model knows already: its `known`, a JSON file {class name: description} by the user."""

import json
import reprlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from stages.common import paths
from stages.common.failures import UserError
from stages.common.params import Run

FORM = 'a mapping of class names to descriptions, such as {"wheel": "a round frame with spokes"}'


def read(run: Run) -> dict[str, str]:
    """The known classes of a run, in the order of the file: {class name: description}.

    Each name becomes a folder and a part of prompts, each description a caption, so all are checked here.

    Returns:
        At least one class. No name or description is blank, and the names give as many folders (`paths.slug`), even
        on a disk that takes small letters for capitals.

    Raises:
        UserError: the file is missing, or holds anything else; the message names the file and the class.
    """
    run.require("known")
    try:
        text = Path(run.known).read_text(encoding="utf-8")
        known = json.loads(text, object_pairs_hook=partial(_once_each, run.known))
    except IsADirectoryError:
        raise UserError(
            f"params.yaml: runs.{run.key}.known says {run.known!r}, but must be a file, not a folder."
        ) from None
    except ValueError as error:
        raise UserError(f"{run.known} is no JSON: {error}. It must hold {FORM}.") from None
    if not isinstance(known, dict) or not known:
        raise UserError(f"{run.known} must hold {FORM}, but holds {reprlib.repr(known)}.")
    for name, description in known.items():
        _check(name, description, run.known)
    _refuse_shared_folder(known, run.known)
    return known


def _once_each(file: str, pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The mapping of these pairs; JSON itself keeps the last of two equal keys and says nothing."""
    mapping: dict[str, object] = {}
    for key, value in pairs:
        if key in mapping:
            raise UserError(f"{file} has the key {key!r} twice. Keep one of them.")
        mapping[key] = value
    return mapping


def _check(name: str, description: object, file: str) -> None:
    try:
        paths.slug(name)
    except ValueError:
        raise UserError(f"{file} names a class {name!r}, but a name must hold a letter or a digit.") from None
    if not isinstance(description, str) or not description.strip():
        raise UserError(
            f"{file}: the description of {name!r} is {reprlib.repr(description)}, but must be a text that says what "
            "the class looks like."
        )


def _refuse_shared_folder(names: Iterable[str], file: str) -> None:
    if shared := paths.same_folder(names):
        first, second = shared
        raise UserError(
            f"{file}: the classes {first!r} and {second!r} would share one folder, {paths.slug(first)!r}: capitals, "
            "blanks and signs tell no two folders apart. Rename one of them."
        )
