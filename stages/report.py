"""Rows to a page: tables, figures and pictures of every run in params.yaml, and what did not work, in words.

Reads:  data/rows/RUN.csv, RUN.choice.json, RUN.benchmarks.json and RUN.captions.csv, data/lessons/RUN.json,
        data/inverted/RUN and data/overlays/RUN of each run; the folders of real pictures that `concepts:` names;
        pictures that a run wrote captions of, where they still lie there.
Writes: data/report/index.html (self-contained), report.md, rows.csv, metrics.json, tradeoff.png.

    python -m stages.report          (about 10 s on a CPU; no torch)

It measures nothing: every number is a mean over rows, and the same rows give the same bytes. A run without rows, or
with rows of other settings than params.yaml has now, is a hole, which is shown with its reason. Of a run that teaches
more than twelve concepts, the six best and the six worst are shown one by one, and how far all of them lie apart.
"""

import json
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from stages.common import params, paths
from stages.common.atomic import write_bytes
from stages.common.failures import run_main
from stages.figures import contract as figures
from stages.figures import gallery, similarity, tradeoff
from stages.reporting.chapters import Chapter, Hole, chapters
from stages.reporting.gained import Changes
from stages.reporting.overlays import Overlays
from stages.tables import (
    accuracy,
    beside_paper,
    captioning,
    controls,
    failures,
    overview,
    per_class,
    retrieval,
    seeds,
    segmentation,
    spread,
)
from stages.tables.contract import FEW, Result, averages, control_lines, rate, taught_line

RECIPES = {  # a recipe of another name is called by it
    "paper": "the paper's recipe",
    "replay": "replay (ours)",
    "matching": "image-text matching",
    "masked_words": "masked words, inverted images",
    "implicit": "masked words, noise (implicit)",
    "captioning": "contrast and captions",
}
TABLES = {
    "overview": overview,
    "spread": spread,
    "accuracy": accuracy,
    "retrieval": retrieval,
    "captioning": captioning,
    "segmentation": segmentation,
    "beside_paper": beside_paper,
    "controls": controls,
    "per_class": per_class,
    "seeds": seeds,
    "failures": failures,
}


def report(told: list[Chapter], holes: list[Hole]) -> dict[str, bytes]:
    """Everything that the report consists of.

    Args:
        told: one chapter a run; the run that teaches most concepts together is shown first.
        holes: runs without results of their settings.

    Returns:
        File name to content: index.html, report.md, rows.csv, metrics.json, tradeoff.png. Equal chapters give equal
        bytes.
    """
    shown = sorted(told, key=lambda chapter: -len(chapter.lesson))
    with figures.style():
        views = [_view(chapter, is_first=chapter is shown[0]) for chapter in shown]
        picture = figures.png(_tradeoff(shown[0], is_small=False))
        curves = _curves(shown)
    together = pd.concat([view["tables"]["overview"] for view in views])
    facts = {"views": views, "overview": together, "gallery": _gallery(shown), "curves": curves, "recipes": RECIPES}
    facts["holes"] = holes
    metrics = {chapter.run.key: _metrics(chapter.result) for chapter in told}
    texts = {
        "index.html": _fill("report.html.jinja", facts),
        "report.md": _fill("report.md.jinja", facts),
        "rows.csv": _joined([chapter.rows_text for chapter in told]),
        "metrics.json": json.dumps(metrics, indent=2) + "\n",
    }
    return {name: text.encode() for name, text in texts.items()} | {"tradeoff.png": picture}


def _view(chapter: Chapter, *, is_first: bool) -> dict[str, object]:
    """What the templates need of one run; the first run's trade-off is large, the others' are small multiples."""
    figure = figures.svg(_tradeoff(chapter, is_small=not is_first), f"{chapter.run.key}-tradeoff")
    return {
        "run": chapter.run,
        "names": [concept["name"] for concept in chapter.lesson],
        "shown": chapter.shown,
        "leading": RECIPES.get(chapter.result.leading, chapter.result.leading),
        "choice": chapter.result.choice,
        "asked": chapter.asked,
        "is_retrieval": bool(chapter.result.recalls),
        "is_captioned": bool(chapter.result.caption_metrics),
        "is_segmented": bool(chapter.result.mask_metrics),
        "changes": chapter.changes and _changes(chapter.changes),
        "overlays": chapter.overlays and _overlays(chapter.overlays),
        "tables": {name: table.build(chapter.result) for name, table in TABLES.items()},
        "tradeoff": Markup(figure),
    }


def _changes(changes: Changes) -> dict[str, object]:
    """The captions that changed most, with addresses of their pictures."""
    kinds = {"gained": changes.gained, "lost": changes.lost}
    shown = {
        kind: [{**vars(one), "picture": _addresses([one.picture])[0] if one.picture else None} for one in own]
        for kind, own in kinds.items()
    }
    return {**vars(changes), "learning_rate": rate(changes.learning_rate), **shown}


def _overlays(overlays: Overlays) -> dict[str, object]:
    """The masks that changed most, with addresses of their strips."""
    kinds = {"gained": overlays.gained, "lost": overlays.lost}
    shown = {kind: [{**vars(one), "strip": figures.data_uri(one.strip)} for one in own] for kind, own in kinds.items()}
    return {**vars(overlays), "learning_rate": rate(overlays.learning_rate), **shown}


def _tradeoff(chapter: Chapter, *, is_small: bool) -> Figure:
    lines = averages(chapter.result)
    result = chapter.result
    return tradeoff.draw(lines, result.budget, words=RECIPES, target=result.target, is_small=is_small)


def _curves(shown: list[Chapter]) -> list[tuple[str, Markup]]:
    """Inversion curves of each run, without the concepts whose curve an earlier run has shown already."""
    seen, curves = [], []
    for chapter in shown:
        new = {name: own for name, own in chapter.histories.items() if not any(own.equals(old) for old in seen)}
        seen += new.values()
        if new:
            curve = figures.svg(similarity.draw(new), f"{chapter.run.key}-similarity")
            curves.append((chapter.run.key, Markup(curve)))
    return curves


def _gallery(shown: list[Chapter]) -> list[dict[str, object]]:
    """Each shown concept once: its text, its real pictures, the images that each run taught, equal ones once."""
    entries: dict[str, dict] = {}
    for chapter in shown:
        for concept in chapter.shown:
            key = concept["key"]
            entry = entries.setdefault(key, {**concept, "real": _addresses(chapter.real[key]), "strips": {}})
            source = None if chapter.run.is_inverted else chapter.run.images_from
            entry["strips"].setdefault((source, _addresses(chapter.inverted[key])), []).append(chapter.run.key)
    return list(entries.values())


def _addresses(pictures: list[Image.Image]) -> tuple[str, ...]:
    return tuple(figures.data_uri(picture) for picture in gallery.thumbnails(pictures))


def _metrics(result: Result) -> dict[str, dict]:
    """Numbers for `dvc metrics`: the untouched model by prompt, each recipe at its chosen learning rate."""
    lines = averages(result)
    baseline = {line["setting"]: _numbers(line) for _, line in lines[lines["phase"] == "baseline"].iterrows()}
    recipes = {}
    for recipe, choice in result.choice.items():
        own = {"learning_rate": choice.learning_rate, **_numbers(taught_line(lines, recipe))}
        beside = {line["setting"]: _numbers(line) for line in control_lines(lines, recipe)}
        recipes[recipe] = {**own, "controls": beside}
    return {"baseline": baseline, **recipes}


def _numbers(line: pd.Series) -> dict[str, float]:
    found = {"target": "target", "retention": "retention", "retention_loss": "loss", "called_new": "called_new"}
    found |= {
        name.removeprefix("target "): name
        for name in line.index
        if name.startswith("target ") and name != "target top5"
    }
    return {name: round(line[column].mean, 6) for name, column in found.items() if line[column] is not None}


def _joined(texts: list[str]) -> str:
    """CSV texts of one header, below each other, as they are."""
    header = texts[0].partition("\n")[0]
    return "\n".join([header, *(text.partition("\n")[2].rstrip("\n") for text in texts)]) + "\n"


def _fill(template: str, facts: dict[str, object]) -> str:
    room = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=template.endswith(".html.jinja"),  # of the words that it takes in, too
        undefined=StrictUndefined,  # a misspelt name in a template is an error, never an empty place
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    room.filters |= {"listed": _listed, "listed_settings": _listed_settings, "named": _named}
    room.filters["one_line"] = lambda text: " ".join(text.split())
    return room.get_template(template).render(facts)


def _listed_settings(settings: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _named(names: list[str]) -> str:
    """Concepts by name, or where they are many how many there are."""
    return _listed(names) if len(names) <= FEW else f"{len(names)} concepts"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def main() -> None:
    """Read what params.yaml names, write data/report."""
    contents = report(*chapters(params.load()))
    for name, content in contents.items():  # file by file: DVC keeps its .gitignore in the same folder
        write_bytes(paths.REPORT / name, content)


if __name__ == "__main__":
    run_main(main)
