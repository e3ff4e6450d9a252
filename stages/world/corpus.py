"""What the tiny CLIP learns from: drawn pictures with captions, none of a held-out concept."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from stages.world.bindings import bound
from stages.world.concepts import CONCEPTS, DEVELOPMENT, is_held_out
from stages.world.known import KNOWN
from stages.world.names import made_up
from stages.world.nested import Nested
from stages.world.openings import Opening
from stages.world.panels import Panel
from stages.world.scenes import FAMILIES, Drawing, Scene, draw, draw_thing, sample
from stages.world.stands import Stand
from stages.world.words import with_article

BANNED = frozenset((*CONCEPTS, *DEVELOPMENT))
_RICH = {family: FAMILIES[family] for family in (Nested, Opening, Stand, Panel)}
_NAMED = 600  # made-up names with pictures
_WORDS = 2200  # made-up names in all; those without pictures are in the lexicon
_TEMPLATES = ("a photo of {}", "a photo of {}", "a picture of {}", "{}", "a drawing of {}", "a close-up photo of {}")
_TAILS = (
    "seen from the front",
    "a thing one meets now and then",
    "made with care",
    "part of a larger whole",
    "with a smooth finish",
    "quite an ordinary sight",
    "used by many people",
    "old but in good order",
)


@dataclass(frozen=True)
class Example:
    """A picture and the sentences that fit it."""

    drawing: Drawing
    captions: tuple[str, ...]


def free_scene(dice: Random, families: dict[type, int] | None = None) -> Scene:
    """Any scene that shows no held-out concept."""
    while True:
        scene = sample(dice, families)
        if not is_held_out(scene):
            return scene


@lru_cache(maxsize=1)
def named_scenes() -> dict[str, Scene]:
    """The made-up names that have pictures, each bound to one composite for good."""
    dice = Random(11)
    return bound(made_up(_NAMED, BANNED), lambda: free_scene(dice, _RICH))


def lexicon(dice: Random) -> list[tuple[str, str]]:
    """Made-up words without pictures, each with a description: what a word means before any picture of it is seen."""
    entries = []
    for word, scene in bound(made_up(_WORDS, BANNED)[_NAMED:], lambda: free_scene(dice)).items():
        tail = f", {dice.choice(_TAILS)}" if dice.random() < 0.3 else ""
        entries.append((word, scene.phrase(dice) + tail))
    return entries


def examples(kinds: list[tuple[str, str]], captions: int, dice: Random) -> Iterator[Example]:
    """Draw one example for each of `kinds`.

    Args:
        kinds: ("known", class name), ("named", made-up name) or ("scene", "").
        captions: sentences for each picture.
        dice: source of chance.
    """
    for kind, name in kinds:
        if kind == "known":
            thing = KNOWN[name]
            drawing = draw_thing(name, thing.draw, dice)
            texts = [caption(name, dice.choice(thing.descriptions), drawing.behind, dice) for _ in range(captions)]
        else:
            scene = named_scenes()[name] if kind == "named" else free_scene(dice)
            drawing = draw(scene, dice)
            texts = [caption(name, scene.phrase(dice), drawing.behind, dice) for _ in range(captions)]
        yield Example(drawing, tuple(texts))


def kinds(a_known: int, a_name: int, scenes: int) -> list[tuple[str, str]]:
    """The kinds of a corpus: pictures a known class, pictures a made-up name, pictures of other scenes."""
    known = [("known", name) for name in KNOWN for _ in range(a_known)]
    named = [("named", name) for name in named_scenes() for _ in range(a_name)]
    return known + named + [("scene", "")] * scenes


def caption(name: str, description: str, behind: str | None, dice: Random) -> str:
    """A sentence about a picture: what it shows by name, by description or by both, and now and then a word more.

    Args:
        name: of what is shown; "" for what has none.
        description: what it looks like.
        behind: word for the background's material, or None.
        dice: source of chance.
    """
    before = f" on a {behind} background" if behind and dice.random() < 0.15 else ""
    tail = f", {dice.choice(_TAILS)}" if dice.random() < 0.15 else ""
    if not name:
        return dice.choice(("a photo of ", "a picture of ", "", "", "")) + description + before + tail
    share, thing = dice.random(), with_article(name)
    if share < 0.42:
        return dice.choice(_TEMPLATES).format(thing) + before
    if share < 0.70:
        return f"{thing} is {description}{tail}"
    if share < 0.80:
        return f"a photo of {thing}, {description}{tail}"
    return description + before + tail
