"""Puts the concepts and runs of pipeline/experiments/NAME.yaml into params.yaml, and takes them out again.

    python -m pipeline add NAME
    python -m pipeline remove NAME

An experiment is written as params.yaml is: `concepts:` and `runs:`, two blanks before each key, and it may use the
anchors of params.yaml (`<<: *tiny`).  Its entries are inserted as text, so that every comment and line of params.yaml
stays as it was, and `remove` after `add` gives back the same bytes.  YAML is parsed before anything is written.
"""

import os
import re
from pathlib import Path
from textwrap import indent
from typing import Any

from pipeline.documents import parse
from pipeline.mistakes import UserError, unknown

PARAMS = Path("params.yaml")
FOLDER = Path(__file__).with_name("experiments")
SECTIONS = ("concepts", "runs")

Key = tuple[str, str]  # section, entry


def add(name: str) -> list[str]:
    """Merge an experiment into params.yaml.

    Returns:
        What was added, as "runs.x"; empty when all of it was there already.

    Raises:
        UserError: unknown experiment, an entry of that name with other content, or a text that cannot be merged.
    """
    text, wanted, blocks = _load(name)
    params = parse(text, str(PARAMS))
    missing = [key for key in wanted if not _has(params, key)]
    _refuse_differing(name, params, {key: wanted[key] for key in wanted if key not in missing})
    for section, entry in missing:
        text = _insert(text, section, blocks[section, entry])
        params[section] = {**(params[section] or {}), entry: wanted[section, entry]}
    _write(text, params)
    return [".".join(key) for key in missing]


def remove(name: str) -> list[str]:
    """Take an experiment's entries out of params.yaml; a concept that another run teaches stays.

    Returns:
        What was taken out, as "runs.x".

    Raises:
        UserError: unknown experiment, or an entry that was edited since it was added.
    """
    text, wanted, blocks = _load(name)
    params = parse(text, str(PARAMS))
    present = [key for key in wanted if _has(params, key)]
    _refuse_differing(name, params, {key: wanted[key] for key in present})
    used = {c for run, spec in params["runs"].items() if ("runs", run) not in present for c in spec["concepts"]}
    leaving = [key for key in present if key[0] == "runs" or key[1] not in used]
    for section, entry in leaving:
        if blocks[section, entry] not in text:
            raise UserError(
                f"{PARAMS}: {section}.{entry} is laid out otherwise than it was added; take it out by hand."
            )
        text = text.replace(blocks[section, entry], "", 1)
        del params[section][entry]
    _write(text, params)
    return [".".join(key) for key in leaving]


def names() -> list[str]:
    """The experiments there are."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _load(name: str) -> tuple[str, dict[Key, Any], dict[Key, str]]:
    """params.yaml's text; the experiment's entries by value; the same by text."""
    if name not in names():
        raise unknown("pipeline/experiments has no", name, names())
    if not PARAMS.is_file():
        raise UserError(f"{PARAMS} is not in {Path.cwd()}: run this in the root of the repository.")
    text = PARAMS.read_text(encoding="utf-8")
    own = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    # Parsed below params.yaml, because it may use the anchors written there.
    content = parse(f"{text}\nexperiment:\n{indent(own, '  ')}", f"{PARAMS} followed by {name}.yaml")["experiment"]
    for section in content:
        if section not in SECTIONS:
            raise unknown(f"{name}.yaml may not have a section", section, SECTIONS)
    values = {(section, entry): value for section in content for entry, value in content[section].items()}
    blocks = _blocks(own)
    if values.keys() != blocks.keys():
        raise UserError(f"{name}.yaml: write each entry on lines of its own, its key after two blanks.")
    return text, values, blocks


def _blocks(text: str) -> dict[Key, str]:
    """The lines of every entry, with the comment above it."""
    blocks: dict[Key, str] = {}
    section, key, waiting = "", None, ""  # waiting: blank lines and comments whose entry is not known yet
    for line in text.splitlines(keepends=True):
        if header := re.match(r"(\w+):", line):
            section, key, waiting = header[1], None, ""
        elif re.match(r" {0,2}(#|$)", line):
            waiting += line
        elif entry := re.match(r" {2}([^\s:]+):", line):
            key = (section, entry[1])
            blocks[key], waiting = waiting.lstrip("\n") + line, ""
        elif key:
            blocks[key], waiting = blocks[key] + waiting + line, ""
    return {key: block if block.endswith("\n") else block + "\n" for key, block in blocks.items()}


def _insert(text: str, section: str, block: str) -> str:
    """`text` with `block` after the last indented line of `section`."""
    lines = text.splitlines(keepends=True)
    starts = [i for i, line in enumerate(lines) if re.match(rf"{section}:\s*(#.*)?$", line)]
    if not starts:
        raise UserError(f"{PARAMS} has no block '{section}:' to add entries to.")
    last = at = starts[0]
    while at + 1 < len(lines) and re.match(r"\s|#|$", lines[at + 1]):
        at += 1
        if re.match(r" +\S", lines[at]):
            last = at
    lines[last] = lines[last].rstrip("\n") + "\n"
    return "".join([*lines[: last + 1], block, *lines[last + 1 :]])


def _has(params: dict[str, Any], key: Key) -> bool:
    return key[1] in (params.get(key[0]) or {})


def _refuse_differing(name: str, params: dict[str, Any], entries: dict[Key, Any]) -> None:
    for (section, entry), value in entries.items():
        if params[section][entry] != value:
            raise UserError(
                f"{PARAMS}: {section}.{entry} differs from the one in {name}.yaml. Rename or remove it first."
            )


def _write(text: str, expected: dict[str, Any]) -> None:
    """Replace params.yaml, once it is sure that the new text says what it should."""
    got = parse(text, f"{PARAMS}, as it would become")
    if {s: got.get(s) or {} for s in expected} != {s: expected[s] or {} for s in expected}:
        raise UserError(f"{PARAMS} is laid out in a way this cannot edit; nothing was changed.")
    temporary = PARAMS.with_name(f".{PARAMS.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(PARAMS)
