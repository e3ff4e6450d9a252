"""Which images of a run are optimised together: chunks of fixed shape, whatever else the run needs."""

from dataclasses import dataclass

from stages.common import paths
from stages.common.params import Run

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
    """

    label: str
    descriptions: tuple[str, ...]
    folders: tuple[str, ...]
    seed: int
    shows_curve: bool = False


def chunks(run: Run, concepts: list[dict[str, str]], known: dict[str, str], images: int) -> list[Chunk]:
    """All chunks of a run: each concept and seed; the replay of known classes; the decoy of a concept taught alone.

    The decoy is a known class: what the concept is wrongly shown as in the control wrong_description. Where several
    concepts are taught, each is shown the next one's images instead.
    """
    plan = []
    for concept in concepts:
        key = concept["key"]
        plan += [_alike(f"{key}, seed {n}", concept["description"], f"{key}/seed{n}", images, n) for n in run.seeds]
    if run.replay_images:
        plan += _replayed(known, run.replay_images)
    if len(concepts) == 1 and "wrong_description" in run.controls:
        text = list(known.values())[len(known) // 2]
        plan += [_alike(f"decoy, seed {seed}", text, f"decoy/seed{seed}", images, seed) for seed in run.seeds]
    return plan


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
