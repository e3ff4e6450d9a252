"""Puts the concepts and runs of pipeline/experiments/NAME.yaml into params.yaml, and takes them out again.

    python -m pipeline experiments
    python -m pipeline add NAME [more names]
    python -m pipeline remove NAME [more names]

An experiment is written as params.yaml is: `concepts:` and `runs:`, two blanks before each key, and it may use the
anchors of params.yaml (`<<: *tiny`).  A comment at its head says what it is and what it needs; its first line and its
paragraph `Needs:` are listed.  Its entries are inserted as text, so that every comment and line of params.yaml stays as
it was, and `remove` after `add` gives back the same bytes.  YAML is parsed before anything is written.
"""

import os
import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from textwrap import fill, indent
from typing import Any

from pipeline.documents import parse
from pipeline.mistakes import UserError, unknown

PARAMS = Path("params.yaml")
FOLDER = Path(__file__).with_name("experiments")
SECTIONS = ("concepts", "runs")
LINE_WIDTH = 120

Key = tuple[str, str]  # section, entry


@dataclass(frozen=True)
class Experiment:
    """A file of pipeline/experiments.

    Attributes:
        name: of the file, without ".yaml".
        values: its entries, anchors resolved.
        blocks: the lines of each, with the comment above it.
    """

    name: str
    values: dict[Key, Any]
    blocks: dict[Key, str]


def add(*names: str) -> list[str]:
    """Merge experiments into params.yaml: all of them, or none where one cannot be.

    Returns:
        What was added, as "runs.x"; empty when all of it was there already.

    Raises:
        UserError: unknown experiment, an entry of that name with other content, or a text that cannot be merged.
    """
    text = _text()
    params, added = parse(text, str(PARAMS)), []
    for experiment in [_read(name, text) for name in dict.fromkeys(names)]:
        missing = [key for key in experiment.values if not _has(params, key)]
        _refuse_differing(experiment, params, [key for key in experiment.values if key not in missing])
        for section in SECTIONS:
            new = [key for key in missing if key[0] == section]
            if new:
                text = _insert(text, section, "".join(experiment.blocks[key] for key in new))
                params[section] = {**(params[section] or {}), **{key[1]: experiment.values[key] for key in new}}
        added += missing
    _write(text, params)
    return [".".join(key) for key in added]


def remove(*names: str) -> list[str]:
    """Take the entries of experiments out of params.yaml: of all of them, or of none where one cannot be.

    A concept that another run teaches stays, and so does what another experiment has too that is in params.yaml.

    Returns:
        What was taken out, as "runs.x".

    Raises:
        UserError: unknown experiment, or an entry that was edited since it was added.
    """
    text = _text()
    params, leaving = parse(text, str(PARAMS)), []
    for experiment in [_read(name, text) for name in dict.fromkeys(names)]:
        present = [key for key in experiment.values if _has(params, key)]
        _refuse_differing(experiment, params, present)
        leaving += [key for key in present if key not in leaving]
    leaving = _without_kept(leaving, params)
    known = _all_blocks()
    for section, entry in leaving:
        text = _cut(text, (section, entry), known)
        del params[section][entry]
    _write(text, params)
    return [".".join(key) for key in leaving]


def _without_kept(leaving: list[Key], params: dict[str, Any]) -> list[Key]:
    """What of `leaving` nothing else in params.yaml is in need of."""
    others = [blocks.keys() for blocks in _all_blocks()]
    there = [keys for keys in others if all(_has(params, key) for key in keys) and not keys <= set(leaving)]
    leaving = [key for key in leaving if not any(key in keys for keys in there)]
    used = {c for run, spec in params["runs"].items() if ("runs", run) not in leaving for c in spec["concepts"]}
    return [key for key in leaving if key[0] == "runs" or key[1] not in used]


def _cut(text: str, key: Key, known: list[dict[Key, str]]) -> str:
    """`text` without the lines of an entry, whichever of the `known` experiments has put them there."""
    found = [blocks[key] for blocks in known if key in blocks and blocks[key] in text]
    if not found:
        raise UserError(f"{PARAMS}: {'.'.join(key)} is laid out otherwise than it was added; take it out by hand.")
    return text.replace(max(found, key=len), "", 1)


def names() -> list[str]:
    """The experiments there are."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def listed() -> list[str]:
    """For each experiment its name with the first line of the comment at its head, and what that says it needs."""
    lines, width = [], max(map(len, names()), default=0)
    for name in names():
        head = _head(_own(name))
        first, _, _ = head[0].partition("\n")
        lines.append(f"{name:{width}}  {first}".rstrip())
        indented = {"initial_indent": " " * (width + 2), "subsequent_indent": " " * (width + 4)}
        lines += [fill(text, LINE_WIDTH, **indented) for text in head if text.startswith("Needs:")]
    return lines


def _head(own: str) -> list[str]:
    """The paragraphs of the comment that a file begins with."""
    lines = takewhile(lambda line: line.startswith("#"), own.splitlines())
    return "\n".join(line.removeprefix("#").strip() for line in lines).split("\n\n")


def _text() -> str:
    if not PARAMS.is_file():
        raise UserError(f"{PARAMS} is not in {Path.cwd()}: run this in the root of the repository.")
    return PARAMS.read_text(encoding="utf-8")


def _own(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def _read(name: str, text: str) -> Experiment:
    """An experiment as it reads below params.yaml with this text, whose anchors it may use."""
    if name not in names():
        raise unknown("pipeline/experiments has no", name, names())
    below = f"{text}\nexperiment:\n{indent(_own(name), '  ')}"
    content = parse(below, f"{PARAMS} followed by {name}.yaml")["experiment"] or {}
    for section in content:
        if section not in SECTIONS:
            raise unknown(f"{name}.yaml may not have a section", section, SECTIONS)
    values = {(section, entry): value for section in content for entry, value in (content[section] or {}).items()}
    blocks = _blocks_of(name)
    if values.keys() != blocks.keys():
        raise UserError(f"{name}.yaml: write each entry on lines of its own, its key after two blanks.")
    return Experiment(name, values, blocks)


def _all_blocks() -> list[dict[Key, str]]:
    return [_blocks_of(name) for name in names()]


def _blocks_of(name: str) -> dict[Key, str]:
    return _blocks(_own(name))


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


def _refuse_differing(experiment: Experiment, params: dict[str, Any], keys: list[Key]) -> None:
    for section, entry in keys:
        if params[section][entry] != experiment.values[section, entry]:
            raise UserError(
                f"{PARAMS}: {section}.{entry} differs from the one in {experiment.name}.yaml. Rename or remove it "
                "first."
            )


def _write(text: str, expected: dict[str, Any]) -> None:
    """Replace params.yaml, once it is sure that the new text says what it should."""
    got = parse(text, f"{PARAMS}, as it would become")
    if {s: got.get(s) or {} for s in expected} != {s: expected[s] or {} for s in expected}:
        raise UserError(f"{PARAMS} is laid out in a way this cannot edit; nothing was changed.")
    temporary = PARAMS.with_name(f".{PARAMS.name}.{os.getpid()}")
    ends = "\r\n" if b"\r\n" in PARAMS.read_bytes() else "\n"
    temporary.write_text(text, encoding="utf-8", newline=ends)
    temporary.replace(PARAMS)
