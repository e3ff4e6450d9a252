"""The pictures whose masks changed most by teaching, drawn: what the report shows of a run that segments."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stages.common import paths
from stages.common.atomic import new_folder
from stages.evaluation.exam import Row
from stages.evaluation.outlines import OWN, Numbers
from stages.evaluation.segmentation import Judged, Segmentation, Sheet
from stages.figures import overlay

GAINED, LOST = 10, 5  # pictures drawn
INDEX = "index.json"


def write_overlays(segmentation: Segmentation, sheets: Sequence[Sheet], judged: Judged, shown: Row) -> None:
    """Draws the taught things whose Dice gained and lost most, the untouched model beside a taught one.

    Writes into data/overlays/RUN, made anew: NN.png of each, three panels (the picture with its object's outline;
    saliency and mask before; the same after), and index.json with recipe, learning_rate, seed, and lists "gained" and
    "lost" of {file, picture, concept, before, after}, the last two its own Dice.

    Args:
        segmentation: the run's question.
        sheets: of all models.
        judged: the numbers of the same.
        shown: the setting of the taught model's sheet.

    Source: arXiv 2411.15611 Figures 6 and 7, the ten that gained most.
    Differs: those that lost are drawn too.
    """
    settings = [sheet.setting for sheet in sheets]
    before = next(number for number, setting in enumerate(settings) if setting["setting"] == "name")
    both = before, settings.index(shown)
    index = {name: shown[name] for name in ("recipe", "learning_rate", "seed")}
    with new_folder(paths.overlays(segmentation.run)) as folder:
        drawn = 0
        for kind, places in _changed(segmentation, *(judged.numbers[number] for number in both)).items():
            index[kind] = []
            for place in places:
                file = f"{drawn:02d}.png"
                _draw(folder / file, segmentation, [sheets[number] for number in both], place)
                dice = [round(float(judged.numbers[number]["dice"][place]), 6) for number in both]
                index[kind].append({"file": file, **_named(segmentation, place), "before": dice[0], "after": dice[1]})
                drawn += 1
        (folder / INDEX).write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_none(run: str) -> None:
    """A folder with an empty index, for a run that does not segment."""
    with new_folder(paths.overlays(run)) as folder:
        (folder / INDEX).write_text("{}\n", encoding="utf-8")


def _changed(segmentation: Segmentation, before: Numbers, after: Numbers) -> dict[str, list[int]]:
    """Places of the taught things that gained and lost most, the most first; equal ones in the benchmark's order."""
    question, gain = segmentation.question, after["dice"] - before["dice"]
    taught = np.flatnonzero(question.is_new).tolist()
    gained = sorted((place for place in taught if gain[place] > 0), key=lambda place: -gain[place])
    lost = sorted((place for place in taught if gain[place] < 0), key=lambda place: gain[place])
    return {"gained": gained[:GAINED], "lost": lost[:LOST]}


def _draw(file: Path, segmentation: Segmentation, sheets: Sequence[Sheet], place: int) -> None:
    outline = segmentation.outliner.drawn(place, [sheet.views[OWN][place] for sheet in sheets])
    overlay.draw(outline.picture, outline.truth, outline.maps, outline.masks).save(file)


def _named(segmentation: Segmentation, place: int) -> dict[str, str]:
    question = segmentation.question
    return {"picture": str(question.benchmark.paths[place]), "concept": question.classes[question.labels[place]]}
