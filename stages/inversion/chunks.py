"""Which images of a run are optimised together: chunks of fixed shape, whatever else the run needs."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from stages.common import paths, seeds
from stages.common.entries import INVERSION
from stages.common.failures import UserError
from stages.common.params import Run
from stages.common.picture_files import pictures_of

REPLAY_CHUNK = 32  # images of known classes optimised at once, at most


@dataclass(frozen=True)
class Chunk:
    """Images that are optimised together.

    Attributes:
        label: what progress calls it.
        descriptions: one text an image.
        folders: one folder an image, inside the run's; neighbours may share one.
        seed: of all its chances.
        shows_curve: whether its similarity curve is part of the result.
        given: pictures that take the place of inverted images, one an image; () where images are inverted.
    """

    label: str
    descriptions: tuple[str, ...]
    folders: tuple[str, ...]
    seed: int
    shows_curve: bool = False
    given: tuple[Path, ...] = ()


def chunks(run: Run, concepts: list[dict[str, str]], known: dict[str, str], images: int) -> list[Chunk]:
    """All chunks of a run: each concept and seed; the replay of known classes; the decoy of a concept taught alone.

    Args:
        run: the run.
        concepts: entries of its lesson.
        known: class name -> text that its images are inverted from.
        images: for each concept and seed.

    Raises:
        UserError: `images_from` names a folder that lacks pictures of a concept.

    The decoy is a known class: what the concept is wrongly shown as in the control wrong_description. Where several
    concepts are taught, each is shown the next one's images instead.
    """
    plan = []
    for concept in concepts:
        key = concept["key"]
        for seed in run.seeds:
            given = given_pictures(run, concept["name"], images, seed)
            many, folder = len(given) or images, f"{key}/seed{seed}"
            alike = _alike(f"{key}, seed {seed}", concept["description"], folder, many, seed)
            plan.append(replace(alike, given=given))
    if run.replay_images:
        plan += _replayed(known, run.replay_images)
    if len(concepts) == 1 and "wrong_description" in run.controls:
        text = list(known.values())[len(known) // 2]
        plan += [_alike(f"decoy, seed {seed}", text, f"decoy/seed{seed}", images, seed) for seed in run.seeds]
    return plan


def given_pictures(run: Run, name: str, images: int, seed: int) -> tuple[Path, ...]:
    """Pictures of a concept from the folder that `images_from` names, at most `images`, another choice for each seed.

    Raises:
        UserError: there is no such folder of pictures.
    """
    if run.images_from == INVERSION:
        return ()
    folder = Path(run.images_from) / paths.slug(name)
    found = pictures_of(folder)
    if not found:
        raise UserError(
            f"params.yaml: runs.{run.key}.images_from says {run.images_from!r}, but {folder} holds no pictures. Put "
            f"them there, or write {INVERSION} to have images inverted."
        )
    order = torch.randperm(len(found), generator=seeds.generator("given", name, seed)).tolist()
    return tuple(found[place] for place in order[:images])


def _alike(label: str, description: str, folder: str, images: int, seed: int) -> Chunk:
    return Chunk(label, (description,) * images, (folder,) * images, seed, shows_curve=True)


def _replayed(known: dict[str, str], n: int) -> list[Chunk]:
    """`n` images for each class that the model knows, from its own description; the same for all seeds."""
    classes, at_once, plan = list(known), max(1, REPLAY_CHUNK // n), []
    for begin in range(0, len(classes), at_once):
        names = [name for name in classes[begin : begin + at_once] for _ in range(n)]
        label = f"known classes {begin + 1} to {begin + len(names) // n} of {len(classes)}"
        folders = tuple(f"replay/{paths.slug(name)}" for name in names)
        plan.append(Chunk(label, tuple(known[name] for name in names), folders, 0))
    return plan
