"""Any number of composites, each with a made-up name: to teach many concepts in one run, and to see what that costs.

They are scenes like any other that shows no held-out concept. What is new to the shipped models is the names; most
combinations they have met, so nothing is claimed about how well they learn these.
"""

from dataclasses import asdict
from random import Random
from typing import Any

from stages.world.concepts import HeldOut
from stages.world.corpus import BANNED, free_scene
from stages.world.names import unheard
from stages.world.scenes import FAMILIES, Scene

_FAMILIES = {family: 1 for family in FAMILIES if family.__name__ not in ("Single", "Wall")}  # these are too few
_UNSAID = ("rim", "lean")  # attributes that no description says; pictures of one composite differ in them


def composites(n: int) -> dict[str, HeldOut]:
    """`n` concepts by name, no two alike in all that their descriptions say.

    Args:
        n: how many; a smaller n gives the beginning of a larger one's list.

    Raises:
        ValueError: there are fewer than n names.
    """
    dice, found, met = Random("composites"), {}, set()
    for name in unheard(n, BANNED):
        scene = free_scene(dice, _FAMILIES)
        while (said := _said(scene)) in met:
            scene = free_scene(dice, _FAMILIES)
        met.add(said)
        held = {attribute: (value,) for attribute, value in said[1:]}
        found[name] = HeldOut(type(scene), held, scene.phrase(dice, thorough=True))
    return found


def _said(scene: Scene) -> tuple[Any, ...]:
    """The family of a scene, then each attribute that its description says, with its value."""
    said = ((attribute, value) for attribute, value in asdict(scene).items() if attribute not in _UNSAID)
    return type(scene), *said
