"""Examine the tiny CLIP on fresh drawings: does it know what it should, and not know what it must not?

Not a stage of the graph: run it after `python -m stages.pretrain`.

Command: python -m stages.examine                (or with another folder of weights in open_clip's layout)
Writes:  FOLDER.exam.json beside the folder of weights, which runs depend on
"""

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from stages.common import params
from stages.common.atomic import write_text
from stages.common.failures import run_main
from stages.common.rows import wilson
from stages.models import clip
from stages.models.contract import Model
from stages.world.concepts import CONCEPTS, DEVELOPMENT
from stages.world.corpus import free_scene
from stages.world.known import KNOWN
from stages.world.scenes import Drawing, draw, draw_thing
from stages.world.words import with_article

WEIGHTS = Path("data/weights/tiny_clip")
SEED = "exam"
PICTURES, ROUNDS, CHOICES = 100, 20, 64  # of each concept; of attribute matching; texts to choose from


def share(hits: Tensor) -> dict[str, float]:
    """Share of hits with n and its 95 % Wilson interval."""
    low, high = wilson(int(hits.sum()), len(hits))
    return {"value": round(hits.float().mean().item(), 4), "n": len(hits), "low": round(low, 4), "high": round(high, 4)}


def pixels(drawings: list[Drawing]) -> Tensor:
    """Drawings as images [N, 3, H, W] in [0, 1]."""
    stacked = torch.stack([torch.from_numpy(drawing.pixels) for drawing in drawings])
    return stacked.permute(0, 3, 1, 2).float() / 255


def known_classes(model: Model, prompts: list[str]) -> dict[str, float]:
    """Share of pictures of known classes that are closest to their own prompt."""
    dice = Random(f"{SEED} known")
    drawings = [draw_thing(name, thing.draw, dice) for name, thing in KNOWN.items() for _ in range(20)]
    answers = model.similarity(pixels(drawings), prompts).argmax(1)
    return share(answers == torch.arange(len(KNOWN)).repeat_interleave(20))


def attribute_match(model: Model) -> dict[str, float]:
    """Share of scenes that are closest to their own sentence among CHOICES, all of them different scenes."""
    dice, hits = Random(f"{SEED} attributes"), []
    for _ in range(ROUNDS):
        scenes = list({scene: None for scene in (free_scene(dice) for _ in range(CHOICES * 2))})[:CHOICES]
        texts = [scene.phrase(dice, thorough=True) for scene in scenes]
        answers = model.similarity(pixels([draw(scene, dice) for scene in scenes]), texts).argmax(1)
        hits.append(answers == torch.arange(CHOICES))
    return share(torch.cat(hits))


def held_out(model: Model, names: list[str]) -> dict[str, dict[str, dict[str, float]]]:
    """For each held-out concept: found by its name, and found by its description, among the known classes."""
    concepts = CONCEPTS | DEVELOPMENT
    ways = {
        "by name": [f"a photo of {with_article(name)}" for name in (*KNOWN, *names)],
        "by description": [t.descriptions[0] for t in KNOWN.values()] + [concepts[n].description for n in names],
    }
    result = {}
    for column, name in enumerate(names, len(KNOWN)):
        dice = Random(f"{SEED} {name}")
        images = pixels([concepts[name].draw(dice) for _ in range(PICTURES)])
        result[name] = {way: share(model.similarity(images, texts).argmax(1) == column) for way, texts in ways.items()}
    return result


def main(folder: str = str(WEIGHTS)) -> None:
    """Ask all questions, print and write the answers."""
    any_run = next(iter(params.load().runs.values()))
    model = clip.load(replace(any_run, weights=folder, architecture=None, pretrained=None))
    by_name = [f"a photo of {with_article(name)}" for name in KNOWN]
    by_text = [thing.descriptions[0] for thing in KNOWN.values()]
    groups = [list(DEVELOPMENT)[i : i + 3] for i in range(0, len(DEVELOPMENT), 3)]
    answers = {
        "known classes by name": known_classes(model, by_name),
        "known classes by description": known_classes(model, by_text),
        "attributes, 1 of 64": attribute_match(model),
        "held out": held_out(model, list(CONCEPTS)),
        "development": {k: v for group in groups for k, v in held_out(model, group).items()},
    }
    text = json.dumps(answers, indent=2)
    print(text)
    write_text(Path(f"{folder}.exam.json"), text + "\n")


if __name__ == "__main__":
    run_main(main)
