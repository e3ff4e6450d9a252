"""A run beside what the paper prints for it, number by number."""

import math
import re

import pandas as pd

from stages.tables.contract import CAPTION_METRICS, Average, Result, averages, per_cent, rate

KNOWN = ("imagenet-1k", "imagenet-100")  # benchmarks of what every model of the paper knew
KNOWN_TO = {"MedCLIP-ViT": "chexpert-5x200c"}  # and of what one knew alone, which others are taught
ASKED_BY = {"baseline": "name", "description prompt, no training": "description"}  # variants without teaching
COLUMNS = ["table", "asked for", "model", "paper", "ours", "n", "difference"]
CAPTIONED = {"coco-captions": "mscoco_captioning"}  # the paper's benchmark of captions, and ours
SEGMENTED = {  # the paper's benchmarks of segmentation, and ours
    "unitochest": "unitochest",
    "siim-pneumothorax": "siim_acr",
    "udiat": "udiat",
    "brats23-glioma": "brats23_glioma",
}
MASKED = {  # the paper's metrics of masks, ours, and what a line is called; its NSD is most probably that of a slab
    "dsc": ("dice", "Dice"),
    "iou": ("iou", "IoU"),
    "nsd": ("nsd_slab", "NSD, ours of the slab"),
}
RECALL = re.compile(r"(text|image)_r(\d+)")  # how the paper's figures of retrieval are called


def build(result: Result) -> pd.DataFrame:
    """The paper's figures that a run names, and ours of the same concept and learning rate.

    Where the paper states no learning rate, ours is the chosen one. Only the recipe that a figure belongs to is
    compared.

    Returns:
        Columns table ("Table 1", or "version 2, Table 9"), asked for (a concept, what was known, a recall, or a metric
        of captions or of masks), model (untouched, or its learning rate), paper and difference (ours minus the paper's)
        in per cent and points, ours, n (queries of ours: pictures, and for image recall captions); empty for a run that
        names no table of the paper.
    """
    if not result.paper:
        return pd.DataFrame(columns=COLUMNS)
    lines = averages(result)
    found = [_line(result, lines, figure) for figure in result.paper]
    return pd.DataFrame([line for line in found if line], columns=COLUMNS, dtype=object)


def _line(result: Result, lines: pd.DataFrame, figure: dict[str, str]) -> dict | None:
    column, asked = _column(result, figure)
    if column is None:
        return None
    line, model = _model(result, lines, figure)
    ours: Average | None = None if line is None else line.get(column)  # a recall at k may not be asked of few pictures
    printed = float(figure["value"])
    difference = None if ours is None else f"{100 * ours.mean - printed:+.1f}"
    n = None if ours is None else ours.n
    cells = (_named(figure["table"]), asked, model, per_cent(printed / 100), ours, n, difference)
    return dict(zip(COLUMNS, cells, strict=True))


def _named(table: str) -> str:
    version, _, number = table.partition("-")
    return f"Table {number}" if version == "v1" else f"version {version[1:]}, Table {number}"


def _column(result: Result, figure: dict[str, str]) -> tuple[str | None, str]:
    """Where `averages` has a figure, and what was asked for; None for a concept that the run has nothing to do with."""
    if recall := RECALL.fullmatch(figure["metric"]):
        theirs = result.rows.loc[result.rows["role"] == "target", "benchmark"] == figure["benchmark"]
        column = f"target {recall[1]}_recall@{recall[2]}" if theirs.any() else None
        return column, f"{recall[1]} R@{recall[2]} ({figure['benchmark']})"
    if figure["benchmark"] in CAPTIONED:
        theirs = result.rows["benchmark"] == CAPTIONED[figure["benchmark"]]
        column = f"target {figure['metric']}" if theirs.any() else None
        return column, f"{CAPTION_METRICS[figure['metric']]} ({figure['benchmark']})"
    if figure["benchmark"] in SEGMENTED:
        theirs = result.rows["benchmark"] == SEGMENTED[figure["benchmark"]]
        metric, name = MASKED[figure["metric"]]
        return f"target {metric}" if theirs.any() else None, f"{name} ({figure['benchmark']})"
    concept = figure["concept"].casefold()
    target = {label.casefold(): f"target: {label}" for label in result.labels}
    if figure["benchmark"] not in (*KNOWN, KNOWN_TO.get(figure["model"])):
        return {**target, "top-1": "target"}.get(concept), "all of them" if concept == "top-1" else figure["concept"]
    if concept in target or concept == "top-1":  # of what was known, whichever concept was taught
        return "retention", f"what was known ({figure['benchmark']})"
    known = {label.casefold(): f"retention: {label}" for label in result.known_labels}
    return known.get(concept), f"{figure['concept']}, which was known"


def _model(result: Result, lines: pd.DataFrame, figure: dict[str, str]) -> tuple[pd.Series | None, str]:
    """The line of `averages` that was measured as a figure was, None where none was; and what it is called."""
    if setting := ASKED_BY.get(figure["variant"]):
        found = lines[(lines["phase"] == "baseline") & (lines["setting"] == setting)]
        return _first(found), f"untouched, by {setting}"
    taught = lines[(lines["phase"] == "taught") & (lines["recipe"] == figure["recipe"])]
    words = "taught" if figure["recipe"] == "paper" else f"taught by {figure['recipe']}"
    if not figure["lr"]:
        chosen = _first(taught[taught["is_chosen"]])
        return chosen, f"{words}, chosen learning rate" + ("" if chosen is None else f" ({chosen['rate']})")
    learning_rate = float(figure["lr"])
    is_same = [math.isclose(own, learning_rate, rel_tol=1e-6) for own in taught["learning_rate"]]
    return _first(taught[is_same]), f"{words}, {rate(learning_rate)}"


def _first(lines: pd.DataFrame) -> pd.Series | None:
    return None if lines.empty else lines.iloc[0]
