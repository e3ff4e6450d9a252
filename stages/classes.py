"""Writes the class names of a benchmark's data as a JSON list, for `known:` of a run.

Lists the folder as a run would that names it.  A file that says the same already is left as it is; one that says
anything else is never overwritten.
Command: python -m pipeline classes BENCHMARK FOLDER FILE
Time: a second or two; no picture is decoded.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from stages.common import lookup
from stages.common.atomic import write_text
from stages.common.failures import UserError, run_main


def listed(class_names: Iterable[str]) -> str:
    """The names as the text of a JSON list, one a line, in the order given."""
    return json.dumps(list(class_names), indent=1, ensure_ascii=False) + "\n"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline classes",
        description="Write the class names of a benchmark's data as a JSON list, for `known:` of a run.",
    )
    parser.add_argument("benchmark", metavar="BENCHMARK", help="a file of stages/benchmarks, e.g. image_folder")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where its data lies")
    parser.add_argument("file", metavar="FILE", type=Path, help="JSON file to write; another content is kept")
    return parser


def main(*words: str) -> None:
    """Write the file."""
    asked = parser().parse_args(words)
    benchmark = lookup.find("stages.benchmarks", asked.benchmark, "python -m pipeline classes")
    if benchmark.TASK != "classification":
        what = {"segmentation": "masks"}.get(benchmark.TASK, "captions")
        raise UserError(f"python -m pipeline classes: {asked.benchmark} has {what} and no classes to be written.")
    class_names = tuple(benchmark.listed(asked.folder, None).found)
    text = listed(class_names)
    if asked.file.exists() and (not asked.file.is_file() or asked.file.read_bytes() != text.encode()):
        raise UserError(
            f"{asked.file} is there already and holds something else than the {len(class_names)} classes of "
            f"{asked.folder}. Remove it first, or name another file."
        )
    write_text(asked.file, text)
    print(f"{asked.file}: {len(class_names)} classes, {class_names[0]} to {class_names[-1]}")


if __name__ == "__main__":
    run_main(main)
