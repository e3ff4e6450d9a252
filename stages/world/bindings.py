"""What made-up names mean: each is bound to a scene, and no syllable tells what the scene shows.

Names share syllables with the held-out names. Bound by chance, those that end like one of them may happen to mean rods
more often than rings; the model then takes a word it never met for a rod. So every name gets, of several scenes, the
one whose family and attributes its syllables have meant least so far.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from statistics import fmean
from typing import Any

from stages.world.names import syllables
from stages.world.scenes import Scene

_CANDIDATES = 24  # scenes looked at for a name

Ledger = Counter[tuple[Any, ...]]  # (part of a name, trait of a scene) -> how often they met


def bound(words: Iterable[str], scene: Callable[[], Scene]) -> dict[str, Scene]:
    """A scene for every word, all different, family and attributes balanced over the parts of the words.

    Args:
        words: of `names.made_up`.
        scene: gives any scene that a word may mean, another one at each call.
    """
    ledger: Ledger = Counter()
    meanings: dict[str, Scene] = {}
    for word in words:
        parts, taken = _parts(word), set(meanings.values())
        candidates = [one for one in (scene() for _ in range(_CANDIDATES)) if one not in taken]
        meanings[word] = min(candidates, key=lambda one: _familiarity(ledger, parts, one))
        ledger.update((part, trait) for part in parts for trait in _traits(meanings[word]))
    return meanings


def _parts(word: str) -> list[tuple[str, ...]]:
    """Each syllable with its place, and head and tail together."""
    head, middle, tail = syllables(word)
    return [("head", head), ("middle", middle), ("tail", tail), ("both", head, tail)]


def _traits(scene: Scene) -> list[tuple[Any, ...]]:
    """The family of a scene, then each of its attributes."""
    family = type(scene).__name__
    return [(family,), *((family, *attribute) for attribute in asdict(scene).items())]


def _familiarity(ledger: Ledger, parts: list[tuple[str, ...]], scene: Scene) -> float:
    """How often the parts of a word have met the family of a scene, and on the average its attributes."""
    family, *attributes = (sum(ledger[part, trait] for part in parts) for trait in _traits(scene))
    return family + fmean(attributes)
