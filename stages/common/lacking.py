"""What a run lacks before it can start: weights, known classes and pictures that somebody has to put there."""

import ast
from importlib.util import find_spec
from pathlib import Path

from stages.common.params import Run

DRAWN = Path("data/world")  # stages/draw.py makes all that lies there
FIELDS = ("weights", "known", "target_data", "retention_data", "images_from")
WANTED = {
    "weights": "Weights of a model: a folder in open_clip's layout, or a checkpoint.",
    "known": (
        "A JSON file of the classes that the model knows already, {name: description}; "
        "`python -m pipeline classes` writes the names that a benchmark's data has."
    ),
    "images_from": "A folder with pictures of each concept, NAME/*.png.",
}


def lacking(run: Run) -> list[str]:
    """One sentence or two for each field whose file or folder is not there: its place, the path, how to get it.

    What the pipeline draws itself is never lacking.  Nothing is opened: a folder counts as there as soon as anything
    lies in it.

    Returns:
        In the order of FIELDS; empty for a run that can start.
    """
    found = []
    for field in FIELDS:
        path = getattr(run, field)
        if fault := _fault(Path(path)):
            found.append(f"params.yaml: runs.{run.key}.{field} says {path!r}, but {fault}. {_how(run, field)}")
    return found


def _fault(path: Path) -> str:
    if path.is_relative_to(DRAWN):
        return ""
    if not path.exists():
        return "there is no such file or folder"
    return "that folder is empty" if path.is_dir() and not any(path.iterdir()) else ""


def _how(run: Run, field: str) -> str:
    if field.endswith("_data"):
        name = getattr(run, field.replace("_data", "_benchmark"))
        return f"{_first_words(name)} How to get it: see stages/benchmarks/{name}.py."
    page = Path(f"{getattr(run, field)}.md")
    return f"How to get it: see {page}." if page.exists() else WANTED[field]


def _first_words(benchmark: str) -> str:
    """The first line of a benchmark's page; importing it would take longer than all the rest."""
    code = Path(find_spec(f"stages.benchmarks.{benchmark}").origin).read_text(encoding="utf-8")
    page = ast.get_docstring(ast.parse(code)) or benchmark
    return page.splitlines()[0].rstrip(",.:;") + "."
