"""Draw the pictures that the embedded world is measured on; the shipped tiny CLIP never saw them.

Command: python -m stages.draw
Writes:  data/world/concepts/NAME/*.png (held-out concepts), data/world/known/CLASS/*.png (known classes), beside each
         picture N.png its object's mask N.mask.png, in each folder scenes.jsonl (file, captions, scene as data), and
         data/world/known.json {class: description}; data/world/known_development is known drawn anew, to choose
         settings on; data/world/examples/NAME are pictures of the concepts to teach in place of inverted images, which
         nothing is measured on
"""

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random

from PIL import Image

from stages.common.atomic import new_folder
from stages.common.failures import run_main
from stages.common.paths import slug
from stages.common.progress import progress
from stages.world.concepts import CONCEPTS, DEVELOPMENT
from stages.world.known import KNOWN
from stages.world.scenes import Drawing, draw, draw_thing
from stages.world.words import with_article

WORLD = Path("data/world")
PICTURES = {"concepts": 60, "known": 12, "examples": 30}  # for each held-out concept, for each known class
SEED = "measured"  # other than the corpus's, so that no picture is drawn twice
DEVELOPMENT_SEED = "development"
EXAMPLES_SEED = "examples"


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


def main() -> None:
    """Draw all of it."""
    with new_folder(WORLD) as world:
        for name in progress([*CONCEPTS, *DEVELOPMENT], "draw held-out concepts"):
            write_pictures(world / "concepts" / name, concept_pictures(name, PICTURES["concepts"], SEED))
        for name in CONCEPTS:
            write_pictures(world / "examples" / name, concept_pictures(name, PICTURES["examples"], EXAMPLES_SEED))
        for folder, seed in (("known", SEED), ("known_development", DEVELOPMENT_SEED)):
            for name in progress(list(KNOWN), f"draw {folder}"):
                write_pictures(world / folder / slug(name), known_pictures(name, PICTURES["known"], seed))
        descriptions = {name: thing.descriptions[0] for name, thing in KNOWN.items()}
        (world / "known.json").write_text(json.dumps(descriptions, indent=2) + "\n")


if __name__ == "__main__":
    run_main(main)
