"""Examine a tiny model on fresh drawings: does it know what it should, and not know what it must not?

A model that sees an image and a text together (the tiny ViLT) is also asked whether pairs match, one that writes
sentences (the tiny CoCa) whether they name what is shown. Not a stage of the graph: run it after `python -m
stages.pretrain`.

Command: python -m stages.examine                             (the tiny CLIP)
         python -m stages.examine data/weights/tiny_vilt      (or another folder of weights in one of their layouts)
Writes:  FOLDER.exam.json beside the folder of weights, which runs depend on
"""

import json
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from stages.common.atomic import write_text
from stages.common.decoding import Settings as Decoding
from stages.common.failures import run_main
from stages.common.rows import wilson
from stages.common.said import names_in
from stages.common.side_by_side import processes_for
from stages.decoders.contract import captions
from stages.models.contract import Captioner, JointEncoder, Model, TwoEncoders
from stages.pretraining.clip import WEIGHTS as TINY_CLIP
from stages.pretraining.trained import family_of, model_in
from stages.world.concepts import CONCEPTS, DEVELOPMENT
from stages.world.corpus import free_scene
from stages.world.known import KNOWN
from stages.world.scenes import Drawing, draw, draw_thing
from stages.world.words import with_article

SEED = "exam"
PICTURES, ROUNDS, CHOICES = 100, 20, 64  # of each concept; of attribute matching; texts to choose from
PAIRS, OF_EACH = 600, 10  # scenes that are shown with a sentence; pictures of each known class that are
WORST = 5  # known classes that are listed


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


def named(model: Captioner) -> dict[str, object]:
    """Share of sentences about known things that say their name, about held-out concepts theirs.

    Sentences are written as a run writes them whose `decoding` says nothing. Of the known classes the WORST are listed.
    """
    dice, things, names = Random(f"{SEED} sentences"), {}, (*KNOWN, *CONCEPTS, *DEVELOPMENT)
    for name, thing in KNOWN.items():
        things[name] = [draw_thing(name, thing.draw, dice) for _ in range(OF_EACH)]
    for name, concept in (CONCEPTS | DEVELOPMENT).items():
        things[name] = [concept.draw(dice) for _ in range(OF_EACH)]
    written = iter(captions(model, pixels([one for own in things.values() for one in own]), Decoding()))
    hits = {name: torch.tensor([name in names_in(next(written), names) for _ in own]) for name, own in things.items()}
    known = sorted(KNOWN, key=lambda name: int(hits[name].sum()))
    listed = [*known[:WORST], *CONCEPTS, *DEVELOPMENT]
    return {"known classes": share(torch.cat([hits[name] for name in KNOWN]))} | {n: share(hits[n]) for n in listed}


def scene_pairs() -> tuple[Tensor, list[str], Tensor]:
    """Pictures [N, 3, H, W] of different scenes, a sentence for each, and their groups: each is alone in its own."""
    dice = Random(f"{SEED} pairs of scenes")
    scenes = list({scene: None for scene in (free_scene(dice) for _ in range(PAIRS))})
    texts = [scene.phrase(dice, thorough=True) for scene in scenes]
    return pixels([draw(scene, dice) for scene in scenes]), texts, torch.arange(len(scenes))


def known_pairs() -> tuple[Tensor, list[str], Tensor]:
    """The same of known things, said by name or by description; those of one class are a group."""
    dice = Random(f"{SEED} pairs of known things")
    asked = [(group, name) for group, name in enumerate(KNOWN) for _ in range(OF_EACH)]
    texts = [dice.choice((f"a photo of {with_article(name)}", *KNOWN[name].descriptions)) for _, name in asked]
    images = pixels([draw_thing(name, KNOWN[name].draw, dice) for _, name in asked])
    return images, texts, torch.tensor([group for group, _ in asked])


def told_apart(
    model: JointEncoder, looker: TwoEncoders, images: Tensor, texts: list[str], groups: Tensor
) -> dict[str, dict[str, float]]:
    """Share of pairs whose log-odds of a match lie on the right side of 0.

    Args:
        model: is asked.
        looker: says which pictures are alike.
        images: [N, 3, H, W].
        texts: N, each of its image.
        groups: [N]; a text fits no image of another group.

    Returns:
        Of images with their own texts, with those of others, and with those of the images that look most alike.
    """
    is_other = groups[:, None] != groups[None]
    chance = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        seen = looker.embed_images(images).cpu()
    pairings = {
        "matched": torch.arange(len(images)),
        "mismatched": torch.multinomial(is_other.float(), 1, generator=chance)[:, 0],
        "mismatched, alike": (seen @ seen.T).masked_fill(~is_other, -2).argmax(1),
    }
    odds = {name: log_odds(model, images, [texts[row] for row in rows]) for name, rows in pairings.items()}
    return {name: share(found > 0 if name == "matched" else found < 0) for name, found in odds.items()}


def log_odds(model: JointEncoder, images: Tensor, texts: list[str]) -> Tensor:
    """Log-odds [N], on the CPU, that image i matches text i."""
    with torch.inference_mode():
        logits = model.matching_logits(images, texts).cpu()
    return logits[:, 1] - logits[:, 0]


def main(folder: str = str(TINY_CLIP)) -> None:
    """Ask all questions, print and write the answers."""
    model = model_in(Path(folder))
    processes_for(model)  # a small model is quicker on one thread
    by_name = [f"a photo of {with_article(name)}" for name in KNOWN]
    by_text = [thing.descriptions[0] for thing in KNOWN.values()]
    groups = [list(DEVELOPMENT)[i : i + 3] for i in range(0, len(DEVELOPMENT), 3)]
    answers = {}
    if family_of(Path(folder)).ENCODERS == "joint":
        looker = model_in(TINY_CLIP)
        answers["pairs of scenes"] = told_apart(model, looker, *scene_pairs())
        answers["pairs of known things"] = told_apart(model, looker, *known_pairs())
    if family_of(Path(folder)).DECODES:
        answers["named in a sentence"] = named(model)
    answers |= {
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
