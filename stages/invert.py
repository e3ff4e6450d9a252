"""Images from noise that a frozen model sees as the descriptions (Sec. 3.1.1, Eq. 3).

Command: python -m stages.invert world-together
Reads:   data/lessons/RUN.json, the run's weights and known classes
Writes:  data/inverted/RUN/CONCEPT/seedN/{00.png ..., history.csv}, CONCEPT/sheet.png, inversion.json;
         RUN/replay/CLASS/*.png where replay_images > 0; RUN/decoy/seedN where one concept is taught alone and the
         control wrong_description needs images of something else

The images of one concept and seed are one chunk of fixed shape: what else the run teaches cannot change their bytes.
Finished chunks are kept in .cache/inverted and shared by all runs; an unfinished one goes on where it was killed.
"""

import csv
import itertools
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from stages.common import kept, known_classes, lookup, params, paths, seeds, taught
from stages.common.affine_ranges import Affine
from stages.common.atomic import new_folder, only_one
from stages.common.captions import sentence
from stages.common.contact_sheet import contact_sheet
from stages.common.failures import UserError, run_main
from stages.common.images import read_images, write_images
from stages.common.params import Run
from stages.common.progress import progress
from stages.common.prompts import article_of
from stages.common.side_by_side import processes_for, side_by_side
from stages.inversion.optimisation import CURVE, Curve, Inversion, invert
from stages.inversion.settings import Settings, settings_of
from stages.models.contract import Model

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


@dataclass(frozen=True)
class Workshop:
    """All that is the same for every chunk of a run; `facts` are what its images depend on."""

    model: Model
    settings: Settings
    affine: Affine
    facts: tuple[object, ...]

    def finished(self, chunk: Chunk) -> Path:
        """The folder of .cache/inverted that holds a chunk's images and curve; what is there is not made again."""
        mark = kept.fingerprint(*self.facts, chunk.descriptions, chunk.seed)
        folder = kept.chunk(mark)
        with only_one(folder):  # another run may make the same chunk at the same time
            if not folder.exists():
                result = self._inverted(chunk, kept.unfinished(mark))
                with new_folder(folder) as temporary:
                    write_images(temporary, result.images)
                    write_curve(temporary / "history.csv", result.curve)
        return folder

    def _inverted(self, chunk: Chunk, state: Path) -> Inversion:
        # the n-th image of a description draws from (description, seed, n), whatever stands beside it
        texts = chunk.descriptions
        ordinals = [texts[:i].count(text) for i, text in enumerate(texts)]
        generators = [seeds.generator("invert", t, chunk.seed, n) for t, n in zip(texts, ordinals, strict=True)]
        target = self.model.inversion_target(list(texts))
        steps = invert(self.model, target, self.settings, self.affine, generators=generators, state=state)
        result = next(steps)
        for _ in progress(self.settings.steps, f"invert {chunk.label}"):
            if isinstance(result, Inversion):
                break
            result = next(steps)
        assert isinstance(result, Inversion), "inversion gave no result after its last step"
        return result


def read_chunk(folder: Path) -> Inversion:
    """What `Workshop.finished` left in a folder."""
    with (folder / "history.csv").open() as file:
        curve = [(int(s), int(i), float(c), float(v)) for s, i, c, v in list(csv.reader(file))[1:]]
    return Inversion(read_images(sorted(folder.glob("*.png"))), curve)


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


def write_chunk(root: Path, chunk: Chunk, result: Inversion) -> None:
    """Write the images of a chunk into their folders, and its curve where it is wanted."""
    begin = 0
    for folder, group in itertools.groupby(chunk.folders):
        end = begin + len(list(group))
        write_images(root / folder, result.images[begin:end])
        begin = end
    if chunk.shows_curve:
        write_curve(root / chunk.folders[0] / "history.csv", result.curve)


def write_curve(path: Path, curve: Curve) -> None:
    """Write a similarity curve as CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([CURVE, *curve])


def main(key: str) -> None:
    """Invert everything that one run needs."""
    run = params.load().run(key)
    settings, affine = settings_of(run.invert, f"params.yaml: runs.{key}.invert")
    run.require("weights", "known")
    concepts, known = taught.lesson(key), known_classes.read(run)
    _refuse_known(concepts, known, run.known)
    model = lookup.find("stages.models", run.family, f"params.yaml: runs.{key}.family").load(run)
    for one in concepts:
        _refuse_long(model, one["caption"], f"captions/{one['key']}.yaml: the caption")
    for name, text in known.items():
        _refuse_long(model, sentence(name, article_of(name), text), f"{run.known}: the caption of {name!r}")
    facts = (asdict(settings), kept.digest(Path(run.weights)), run.architecture, run.pretrained, str(model.device))
    workshop = Workshop(model, settings, affine, facts)
    plan, similarity = chunks(run, concepts, known, settings.images), {}
    with new_folder(paths.inverted(key)) as folder:
        made = side_by_side(workshop.finished, plan, processes_for(model))
        for chunk, done in zip(progress(plan, f"invert {key}"), made, strict=True):
            result = read_chunk(done)
            write_chunk(folder, chunk, result)
            similarity[chunk.label] = round(last_similarity(result), 6)
        for concept in concepts:
            _write_sheet(folder / concept["key"], run.seeds)
        record = {"settings": asdict(settings), "similarity": similarity}
        (folder / "inversion.json").write_text(json.dumps(record, indent=2) + "\n")


def _refuse_known(concepts: list[dict[str, str]], known: dict[str, str], where: str) -> None:
    listed = {name.casefold(): name for name in known}
    for one in concepts:
        if same := listed.get(one["name"].casefold()):
            raise UserError(
                f"params.yaml: concepts.{one['key']}.name says {one['name']!r}, which {where} lists as {same!r}, a "
                "class that the model knows already. Give it another name, or take it out of that file."
            )


def _refuse_long(model: Model, caption: str, whose: str) -> None:
    tokens = model.token_count(caption)
    if tokens > model.context_length:
        raise UserError(
            f"{whose} has {tokens} tokens, the model reads {model.context_length} and would not see the end. "
            "Shorten the description."
        )


def last_similarity(result: Inversion) -> float:
    """Mean similarity of the images at the end of the curve."""
    last = [similarity for step, _, similarity, _ in result.curve if step == result.curve[-1][0]]
    return sum(last) / len(last)


def _write_sheet(folder: Path, seeds: tuple[int, ...]) -> None:
    rows = [read_images(sorted((folder / f"seed{seed}").glob("*.png"))) for seed in seeds]
    contact_sheet(torch.stack(rows)).save(folder / "sheet.png")


if __name__ == "__main__":
    run_main(main)
