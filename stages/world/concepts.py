"""The held-out concepts: composites that no pre-training picture shows and names that no caption says.

Three are taught by the default run. Twelve more, with made-up names, are for choosing settings (`DEVELOPMENT`): whoever
tunes looks at these and never at the three.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from stages.world.arrangements import Crossed, Pair, Several
from stages.world.nested import Nested
from stages.world.openings import Opening
from stages.world.scenes import Drawing, Scene, draw
from stages.world.stands import Stand


@dataclass(frozen=True)
class HeldOut:
    """A concept as a region of one family of scenes.

    Attributes:
        family: the family of scenes.
        held: attribute -> values; a scene with such a value in every one of them shows the concept.
        look: attribute -> values that its pictures have besides; they do not define it.
        description: what it looks like, without its name.
    """

    family: type
    held: Mapping[str, tuple[Any, ...]]
    description: str
    look: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def shown_by(self, scene: Scene) -> bool:
        """Whether a scene is such a composite."""
        return type(scene) is self.family and all(getattr(scene, key) in self.held[key] for key in self.held)

    def scene(self, dice: Random) -> Scene:
        """A scene that shows the concept."""
        chosen = {key: dice.choice(values) for key, values in {**self.held, **self.look}.items()}
        return replace(self.family.sample(dice), **chosen)

    def draw(self, dice: Random) -> Drawing:
        """A picture of it."""
        return draw(self.scene(dice), dice)


_GARDEN = {"view": ("garden", "garden", "garden", "sky")}
_ROD = {"color": ("silver", "silver", "silver", "gray", "white"), "top": (None,), "n": (1, 2, 2, 3)}
_METAL = ("silver", "silver", "gray", "golden")

CONCEPTS: dict[str, HeldOut] = {
    "moongate": HeldOut(
        Opening,
        {"shape": ("round",), "material": ("brick", "stone")},
        "a round opening in a wall of brick or stone with a garden behind it",
        _GARDEN,
    ),
    "tonometer": HeldOut(
        Stand, {"fixture": ("dial",)}, "a thin silver rod standing on a small base with round dials", _ROD
    ),
    "gyroscope": HeldOut(
        Nested,
        {"frame": ("ring",), "core": ("disk",)},
        "silver rings inside each other around a silver disk, crossed by thin bars",
        {"color": ("silver",), "core_color": _METAL, "bars": (True,)},
    ),
}

DEVELOPMENT: dict[str, HeldOut] = {
    "holroate": HeldOut(
        Opening,
        {"shape": ("diamond-shaped",), "material": ("wood", "metal")},
        "a diamond-shaped opening in a wall of wood or metal with a garden behind it",
        _GARDEN,
    ),
    "kalometer": HeldOut(Stand, {"fixture": ("star",)}, "a thin silver rod standing on a small base with stars", _ROD),
    "pelscope": HeldOut(
        Nested,
        {"frame": ("hexagon",), "core": ("star",)},
        "silver hexagons inside each other around a silver star, crossed by thin bars",
        {"color": ("silver",), "core_color": _METAL, "bars": (True,)},
    ),
    "kalriate": HeldOut(
        Opening,
        {"shape": ("hexagonal",), "material": ("tile", "plaster")},
        "a hexagonal opening in a wall of tile or plaster with a garden behind it",
        _GARDEN,
    ),
    "pelometer": HeldOut(
        Stand, {"fixture": ("diamond",)}, "a thin silver rod standing on a small base with diamonds", _ROD
    ),
    "lulascope": HeldOut(
        Nested,
        {"frame": ("square",), "core": ("cross",)},
        "golden squares inside each other around a black cross, crossed by thin bars",
        {"color": ("golden",), "core_color": ("black",), "bars": (True,)},
    ),
    "gymiate": HeldOut(
        Opening,
        {"shape": ("star-shaped",), "material": ("brick", "sand")},
        "a star-shaped opening in a wall of brick or sand with water behind it",
        {"view": ("water",)},
    ),
    "luometer": HeldOut(
        Stand, {"fixture": ("hexagon",)}, "a thin silver rod standing on a small base with hexagons", _ROD
    ),
    "kerroscope": HeldOut(
        Nested,
        {"frame": ("diamond",), "core": ("disk",)},
        "red diamonds inside each other around a white disk",
        {"color": ("red",), "core_color": ("white",), "bars": (False,)},
    ),
    "kerongster": HeldOut(
        Crossed,
        {"shape": ("hexagon",)},
        "a green hexagon crossed by thin white bars",
        {"color": ("green",), "bar_color": ("white",)},
    ),
    "pelrogate": HeldOut(
        Several,
        {"shape": ("diamond",), "order": ("column",)},
        "a column of blue diamonds",
        {"color": ("blue",), "n": (3, 4)},
    ),
    "sunlagraph": HeldOut(
        Pair,
        {"shape": ("triangle",), "relation": ("inside",), "other": ("disk",)},
        "a yellow triangle inside a purple disk",
        {"color": ("yellow",), "other_color": ("purple",)},
    ),
}


def is_held_out(scene: Scene) -> bool:
    """Whether a scene shows any held-out concept, of the default run or for development."""
    return any(concept.shown_by(scene) for concept in (*CONCEPTS.values(), *DEVELOPMENT.values()))
