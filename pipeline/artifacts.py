"""What a run leaves in Prefect's UI to look at: pictures, tables and texts that stages made, and the whole as a graph.

Which files, dvc.yaml says (`meta: show`).
"""

import base64
import csv
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from pipeline.board import Board
from pipeline.ledger import Item

THUMBNAIL_PX = 512  # the server keeps them in its database
ROWS = 300
SHARE = re.compile(r"\((\d+)%\)")  # as stages/common/progress.py writes it
SECONDS_BETWEEN_UPDATES = 2.0
COLOURS = {
    "Completed": "#2ac769",
    "Cached": "#9aa7b5",
    "Restored": "#6d8df2",
    "Failed": "#fb4e4e",
    "Crashed": "#f97415",
    "NotReady": "#fcb14e",
}


@contextmanager
def progress(board: Board, title: str, task_run: UUID | None) -> Iterator[Callable[[str], None]]:
    """Give a function that takes a stage's lines, and moves a bar by the shares in them."""
    shown: list[UUID] = []
    last = 0.0

    def heard(line: str) -> None:
        nonlocal last
        found = SHARE.search(line)
        if not found or time.monotonic() - last < SECONDS_BETWEEN_UPDATES:
            return
        last = time.monotonic()
        if not shown:
            shown.append(board.show("progress", _key(f"progress of {title}"), 0.0, task_run))
        board.change(shown[0], float(found[1]))

    yield heard
    for artifact in shown:
        board.change(artifact, 100.0)


def of_item(board: Board, item: Item, task_run: UUID | None) -> None:
    """Show the files that an item's `meta: show` names, as far as they are there."""
    for pattern in item.hints.get("show", []):
        for path in sorted(Path().glob(pattern)):
            try:
                kind, content = SHOWN_AS[path.suffix]
                board.show(kind, _key(str(path)), content(path), task_run)
            except (KeyError, OSError, ValueError, csv.Error) as error:  # the item is none the worse for it
                print(f"{path} is not shown: {error!r}", flush=True)


def _image(path: Path) -> str:
    from PIL import Image

    with Image.open(path) as picture:
        picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        data = io.BytesIO()
        picture.save(data, "PNG")
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


def _table(path: Path) -> str:
    with path.open(newline="", encoding="utf-8") as file:
        return json.dumps(list(csv.DictReader(file))[:ROWS])


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


SHOWN_AS: Mapping[str, tuple[str, Callable[[Path], str]]] = {
    ".png": ("image", _image),
    ".csv": ("table", _table),
    ".md": ("markdown", _text),
}


def of_run(board: Board, items: Mapping[str, Item], outcomes: Mapping[str, tuple[str, str]]) -> None:
    """Show the graph and the table of all items, and what the last items of the graph made: the results."""
    looked_at = [name for name in items if name in outcomes]
    rows = [{"item": name, "state": outcomes[name][0], "what happened": outcomes[name][1]} for name in looked_at]
    board.show("markdown", "graph", f"```mermaid\n{mermaid(items, outcomes)}\n```")
    board.show("table", "items", json.dumps(rows))
    needed = {need for item in items.values() for need in item.needs}
    for name, item in items.items():
        if name not in needed:
            of_item(board, item, None)


def mermaid(items: Mapping[str, Item], outcomes: Mapping[str, tuple[str, str]]) -> str:
    """The graph in Mermaid's language, each item in the colour of its state."""
    number = {name: f"n{i}" for i, name in enumerate(items)}
    lines = [f'  {number[name]}["{name}"]' for name in items]
    for name, item in items.items():
        lines += [f"  {number[need]} --> {number[name]}" for need in item.needs if need in number]
    for state, colour in COLOURS.items():
        if alike := [number[name] for name in items if outcomes.get(name, ("", ""))[0] == state]:
            lines += [f"  classDef {state} fill:{colour},color:#000", f"  class {','.join(alike)} {state}"]
    return "\n".join(["flowchart TD", *lines])


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
