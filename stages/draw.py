"""Draw the pictures that the embedded world is measured on; the shipped tiny CLIP never saw them.

Command: python -m stages.draw
Writes:  data/world/concepts/NAME/*.png (held-out concepts), data/world/known/CLASS/*.png (known classes), beside each
         picture N.png its object's mask N.mask.png, in each folder scenes.jsonl (file, captions, scene as data), and
         data/world/known.json {class: description}; data/world/known_development is known drawn anew, to choose
         settings on; data/world/known_few and concepts_few (of the concepts to teach) are drawn anew once more, fewer
         of each, for models that take long to ask;
         data/world/examples/NAME are pictures of the concepts to teach in place of inverted images, which nothing is
         measured on; data/world/captioned/*.png with captions.json {file: captions}, known things and scenes without
         a name, which is asked for by sentences; data/world/captioning, the same of known things and of the concepts to
         teach, about which a captioner is to write; data/world/segmentation/NAME/images and masks, concepts to teach
         and known things, each of which is to be found in its picture; data/world/two_things, the same with another
         known thing beside it, and two_things_development, that drawn anew, to choose settings on
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from random import Random

from PIL import Image

from stages.common.atomic import new_folder
from stages.common.failures import run_main
from stages.common.paths import slug
from stages.common.progress import progress
from stages.world.concepts import CONCEPTS, DEVELOPMENT
from stages.world.corpus import caption, free_scene
from stages.world.known import KNOWN
from stages.world.scenes import Drawing, Scene, draw, draw_thing
from stages.world.two_things import beside
from stages.world.words import with_article

WORLD = Path("data/world")
PICTURES = {"concepts": 60, "examples": 30, "known": 12}  # of each held-out concept or known class
FEW = {"concepts": 20, "known": 3}
SEEDS = {  # other than the corpus's, so that no picture is drawn twice
    "concepts": "measured",
    "examples": "examples",
    "known": "measured",
    "known_development": "development",
    "concepts_few": "few",
    "known_few": "few",
    "captioned": "captioned",
    "captioning": "captioning",
    "segmentation": "segmentation",
    "two_things": "two things",
    "two_things_development": "two things, development",
}
CAPTIONED = {"known": 30, "scenes": 30}  # pictures to be asked for by sentences
CAPTIONS = 4  # different ones of each of them
CAPTIONING = {"concepts": 20, "known": 2}  # pictures of each concept to teach or known class, to be written about
REFERENCES = 5  # different sentences about each of them
SEGMENTED = {"concepts": 20, "known": 2}  # pictures of each in which it is to be found


def concept_pictures(name: str, n: int, seed: str) -> Iterable[tuple[Drawing, list[str]]]:
    """`n` pictures of a held-out concept, each with two captions: its name, and what it looks like."""
    concept, dice = (CONCEPTS | DEVELOPMENT)[name], Random(f"{seed} {name}")
    for _ in range(n):
        scene = concept.scene(dice)
        yield draw(scene, dice), [f"a photo of {with_article(name)}", scene.phrase(dice, thorough=True)]


def known_pictures(name: str, n: int, seed: str) -> Iterable[tuple[Drawing, list[str]]]:
    """`n` pictures of a known class, each with its name and all its descriptions as captions."""
    thing, dice = KNOWN[name], Random(f"{seed} {name}")
    for _ in range(n):
        yield draw_thing(name, thing.draw, dice), [f"a photo of {with_article(name)}", *thing.descriptions]


def captioned_pictures(seed: str) -> Iterator[tuple[Drawing, list[str]]]:
    """The pictures that are asked for by sentences, each with `CAPTIONS` of them; no two pictures share a sentence."""
    dice, said = Random(seed), set()
    for name, drawing, describe in chain(_known_things(CAPTIONED["known"], dice), _scenes(CAPTIONED["scenes"], dice)):
        captions: list[str] = []
        while len(captions) < CAPTIONS:
            sentence = caption(name, describe(), drawing.behind, dice)
            if sentence not in said:
                captions.append(sentence)
                said.add(sentence)
        yield drawing, captions


def captioning_pictures(seed: str) -> Iterator[tuple[Drawing, list[str]]]:
    """The pictures that are written about, each with `REFERENCES` sentences; the first names what it shows."""
    for name, concept in CONCEPTS.items():
        dice = Random(f"{seed} {name}")
        for _ in range(CAPTIONING["concepts"]):
            scene = concept.scene(dice)
            drawing = draw(scene, dice)
            yield drawing, _references(name, partial(scene.phrase, dice), drawing, dice)
    for name, thing in KNOWN.items():
        dice = Random(f"{seed} {name}")
        for _ in range(CAPTIONING["known"]):
            drawing = draw_thing(name, thing.draw, dice)
            yield drawing, _references(name, partial(dice.choice, thing.descriptions), drawing, dice)


def segmented_pictures(seed: str, *, has_other: bool) -> Iterator[tuple[str, Iterator[Drawing]]]:
    """Each concept to teach and known class with pictures in which it is to be found, perhaps beside another thing."""
    alone = {**dict.fromkeys(CONCEPTS, concept_pictures), **dict.fromkeys(KNOWN, known_pictures)}
    for name, pictures in alone.items():
        n, dice = SEGMENTED["concepts" if name in CONCEPTS else "known"], Random(f"{seed} {name} beside")
        drawn = (drawing for drawing, _ in pictures(name, n, seed))
        others = [one for one in KNOWN if one != name]
        yield name, (_with_other(one, dice.choice(others), dice) for one in drawn) if has_other else drawn


def _with_other(drawing: Drawing, other: str, dice: Random) -> Drawing:
    return beside(drawing, draw_thing(other, KNOWN[other].draw, dice), dice)


def _references(name: str, describe: Callable[[], str], drawing: Drawing, dice: Random) -> list[str]:
    said = [f"a photo of {with_article(name)}"]
    while len(said) < REFERENCES:
        sentence = caption(name, describe(), drawing.behind, dice)
        said += [sentence] if sentence not in said else []
    return said


def _known_things(n: int, dice: Random) -> Iterator[tuple[str, Drawing, Callable[[], str]]]:
    """`n` known classes, every second and then the others: name, a drawing, and a way to describe it."""
    for name in [*[*KNOWN][::2], *[*KNOWN][1::2]][:n]:
        thing = KNOWN[name]
        yield name, draw_thing(name, thing.draw, dice), partial(dice.choice, thing.descriptions)


def _scenes(n: int, dice: Random) -> Iterator[tuple[str, Drawing, Callable[[], str]]]:
    """`n` scenes without a name and without a held-out concept, all different; as `_known_things`."""
    shown: list[Scene] = []
    while len(shown) < n:
        scene = free_scene(dice)
        if scene not in shown:
            shown.append(scene)
            yield "", draw(scene, dice), partial(scene.phrase, dice)


def write_pictures(folder: Path, pictures: Iterable[tuple[Drawing, list[str]]]) -> None:
    """Write pictures, masks, and a line of scenes.jsonl for each."""
    folder.mkdir(parents=True)
    lines = []
    for number, (drawing, captions) in enumerate(pictures):
        name = f"{number:03d}"
        Image.fromarray(drawing.pixels).save(folder / f"{name}.png")
        Image.fromarray(drawing.mask).save(folder / f"{name}.mask.png")
        lines.append(json.dumps({"file": f"{name}.png", "captions": captions, "scene": drawing.scene}))
    (folder / "scenes.jsonl").write_text("\n".join(lines) + "\n")


def write_captioned(folder: Path, pictures: Iterable[tuple[Drawing, list[str]]]) -> None:
    """Write pictures and captions.json, as the benchmarks captioned_folder and captioning_folder read them."""
    folder.mkdir(parents=True)
    told = {}
    for number, (drawing, captions) in enumerate(pictures):
        told[f"{number:03d}.png"] = captions
        Image.fromarray(drawing.pixels).save(folder / f"{number:03d}.png")
    (folder / "captions.json").write_text(json.dumps(told, indent=1) + "\n")


def write_segmented(folder: Path, named: Iterable[tuple[str, Iterator[Drawing]]]) -> None:
    """Write NAME/images and NAME/masks, as the benchmark segmentation_folder reads them."""
    for name, drawings in named:
        images, masks = (folder / slug(name) / kind for kind in ("images", "masks"))
        images.mkdir(parents=True)
        masks.mkdir()
        for number, drawing in enumerate(drawings):
            Image.fromarray(drawing.pixels).save(images / f"{number:03d}.png")
            Image.fromarray(drawing.mask).save(masks / f"{number:03d}.png")


def main() -> None:
    """Draw all of it."""
    with new_folder(WORLD) as world:
        for name in progress([*CONCEPTS, *DEVELOPMENT], "draw held-out concepts"):
            drawn = concept_pictures(name, PICTURES["concepts"], SEEDS["concepts"])
            write_pictures(world / "concepts" / name, drawn)
        for name in CONCEPTS:
            drawn = concept_pictures(name, PICTURES["examples"], SEEDS["examples"])
            write_pictures(world / "examples" / name, drawn)
            drawn = concept_pictures(name, FEW["concepts"], SEEDS["concepts_few"])
            write_pictures(world / "concepts_few" / name, drawn)
        numbers = {"known": PICTURES["known"], "known_development": PICTURES["known"], "known_few": FEW["known"]}
        for folder, n in numbers.items():
            for name in progress(list(KNOWN), f"draw {folder}"):
                write_pictures(world / folder / slug(name), known_pictures(name, n, SEEDS[folder]))
        write_captioned(world / "captioned", captioned_pictures(SEEDS["captioned"]))
        write_captioned(world / "captioning", captioning_pictures(SEEDS["captioning"]))
        for folder in ("segmentation", "two_things", "two_things_development"):
            named = segmented_pictures(SEEDS[folder], has_other=folder != "segmentation")
            write_segmented(world / folder, named)
        descriptions = {name: thing.descriptions[0] for name, thing in KNOWN.items()}
        (world / "known.json").write_text(json.dumps(descriptions, indent=2) + "\n")


if __name__ == "__main__":
    run_main(main)
