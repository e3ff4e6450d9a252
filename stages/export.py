"""Writes a taught model as a folder that can be loaded, with a model card.

The folder holds the whole model in float32 as its family writes it, and the tokenizer's files where the architecture
has a tokenizer of its own. A CLIP is open_clip_config.json and open_clip_model.safetensors, which open_clip loads in
one line. README.md tells what was taught, from which text, with which figures, and how to load it.

Reads params.yaml, data/lessons/RUN.json, data/inverted/RUN/inversion.json, data/checkpoints/RUN, data/rows/RUN.csv and
RUN.choice.json.
Command: python -m stages.export KEY FOLDER [--recipe NAME] [--learning-rate X] [--seed N]
Time: about 8 s with the tiny model, nearly all of it imports.
"""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.common import lookup, params, paths, taught
from stages.common.atomic import new_folder
from stages.common.entries import INVERSION
from stages.common.failures import UserError, run_main
from stages.common.params import Run
from stages.common.taught import Checkpoint

if TYPE_CHECKING:
    from pandas import DataFrame

    from stages.models.contract import Family

CARD = Path(__file__).with_suffix(".md.jinja")
OWN_TOKENIZER = "The library brings the tokenizer along; the folder needs none."
SAVED_TOKENIZER = "The tokenizer's files are in the folder."


@dataclass(frozen=True)
class Loading:
    """How an exported folder is loaded, for its card.

    Attributes:
        library: what loads it, by the word that model hubs use.
        text: the way, as Markdown.
        tokenizer: where the tokenizer is.
    """

    library: str
    text: str
    tokenizer: str


def loading_of(family: "Family", goal: Path, written: Path) -> Loading:
    """How a family's folder is loaded from `goal`; `written` is where its files lie now."""
    has_tokenizer = any(written.glob("tokenizer*"))
    text = family.LOADING.replace("FOLDER", str(goal)).strip()
    return Loading(family.LIBRARY, text, SAVED_TOKENIZER if has_tokenizer else OWN_TOKENIZER)


def figures(rows: "DataFrame", checkpoint: Checkpoint) -> list[dict]:
    """The rows that tell about one checkpoint: the baselines, itself, and the controls taught in the same way.

    Args:
        rows: all rows of the run, as rows.read_rows gives them.
        checkpoint: the one that is exported.

    Returns:
        One dict a row: for label "all", and top1 of each taught concept.

    Raises:
        UserError: no row was measured with this checkpoint.
    """
    is_shown = (rows.label == "all") | ((rows.role == "target") & (rows.metric == "top1"))
    is_shown &= ~rows.metric.str.contains("saliency_|centre_|empty")  # controls of masks that are in rows.csv
    is_same = (rows.recipe == checkpoint.recipe) & (rows.seed == checkpoint.seed)
    is_same &= rows.learning_rate.map(lambda rate: math.isclose(rate, checkpoint.learning_rate))
    if not (is_same & (rows.phase == "taught")).any():
        raise UserError(f"There are no figures of {checkpoint.file} yet. `dvc repro` measures it.")
    return rows[is_shown & (is_same | (rows.phase == "baseline"))].to_dict("records")


def base_name(run: Run) -> str:
    """What the untouched model is called."""
    if run.pretrained:
        return f"{run.architecture} ({run.pretrained})"
    if run.architecture is None:
        return run.weights
    return run.architecture if run.architecture.startswith("hf-hub:") else f"{run.architecture} of {run.weights}"


def card(run: Run, checkpoint: Checkpoint, rows: list[dict], *, loading: "Loading", changed: int) -> str:
    """The model card, as Markdown.

    Args:
        run: what was taught, and how.
        checkpoint: the one that is exported.
        rows: its figures.
        loading: how the folder is loaded.
        changed: tensors that teaching changed.
    """
    from jinja2 import Environment, StrictUndefined

    lesson = taught.lesson(run.key)
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(CARD.read_text())
    return template.render(
        run=run,
        checkpoint=checkpoint,
        loading=loading,
        is_inverted=run.images_from == INVERSION,
        lesson=lesson,
        names=[concept["name"] for concept in lesson],
        asked_for={concept["name"]: taught.asked_for(concept, run.templates) for concept in lesson},
        base=base_name(run),
        recipe=taught.teaching(run)["recipes"][checkpoint.recipe],
        inversion=taught.read_json(paths.inverted(run.key) / "inversion.json", f"dvc repro invert@{run.key}")[
            "settings"
        ],
        rows=rows,
        masks=taught.read_json(paths.benchmarks(run.key), f"dvc repro evaluate@{run.key}").get("target", {}),
        changed=changed,
    )


def refuse_used(folder: Path) -> None:
    """Refuse a goal that holds anything.

    Raises:
        UserError: folder is a file, or a folder with something in it.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UserError(f"{folder} holds something already. Name a folder that is new or empty.")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline export",
        description="Write a taught model as a folder that can be loaded (a CLIP by open_clip), with a model card.",
    )
    parser.add_argument("run", metavar="KEY", help="a run of params.yaml that is taught and evaluated")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a folder that is new or empty")
    parser.add_argument("--recipe", help="a recipe of the run (default: replay where the run has it, else its first)")
    parser.add_argument("--learning-rate", metavar="X", type=float, help="(default: what evaluation chose)")
    parser.add_argument("--seed", metavar="N", type=int, help="(default: the run's first)")
    return parser


def main(*words: str) -> None:
    """Write the folder, whole or not at all."""
    asked = parser().parse_args(words)
    refuse_used(asked.folder)
    run = params.load().run(asked.run)
    run.require("weights")
    taught.teaching(run)
    checkpoint = taught.pick(run.key, recipe=asked.recipe, learning_rate=asked.learning_rate, seed=asked.seed)
    # torch takes seconds to import, so it waits until --help and wrong words are dealt with
    from stages.common.rows import read_rows
    from stages.common.weights import read_weights

    rows = figures(read_rows([paths.rows(run.key)]), checkpoint)
    family = lookup.find("stages.models", run.family, f"params.yaml: runs.{run.key}.family")
    model = family.load(run)
    state = read_weights(checkpoint.file)
    model.load_state(state)
    with new_folder(asked.folder.absolute()) as temporary:
        family.save(model, temporary)
        loading = loading_of(family, asked.folder, temporary)
        text = card(run, checkpoint, rows, loading=loading, changed=len(state))
        (temporary / "README.md").write_text(text, encoding="utf-8")
        for file in temporary.iterdir():  # safetensors lets nobody else read what it writes
            file.chmod((temporary / "README.md").stat().st_mode)
    print(f"{asked.folder}: {checkpoint.recipe}, learning rate {checkpoint.learning_rate:g}, seed {checkpoint.seed}")


if __name__ == "__main__":
    run_main(main)
