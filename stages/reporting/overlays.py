"""The masks that gained most by teaching, and those that lost most, as evaluation has drawn them."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stages.common import paths, taught
from stages.common.picture_files import read_picture


@dataclass(frozen=True)
class Overlay:
    """One picture with what was found in it before and after.

    Attributes:
        strip: three panels: the picture, and saliency and mask before and after.
        concept: what was to be found.
        picture: its path.
        before: Dice of the untouched model's mask, times 100.
        after: the same after teaching.
    """

    strip: Image.Image
    concept: str
    picture: str
    before: float
    after: float


@dataclass(frozen=True)
class Overlays:
    """The pictures of one checkpoint whose masks changed most.

    Attributes:
        recipe: which taught it, at its chosen learning rate.
        learning_rate: that one.
        seed: the first.
        gained: the largest gain first; none that did not gain.
        lost: the largest loss first; none that did not lose.
    """

    recipe: str
    learning_rate: float
    seed: int
    gained: tuple[Overlay, ...]
    lost: tuple[Overlay, ...]


def overlays_of(run: str) -> Overlays:
    """What lies in data/overlays/RUN of a run that segments.

    Raises:
        UserError: it does not, or cannot be read.
    """
    folder = paths.overlays(run)
    index = taught.read_json(folder / "index.json", f"dvc repro evaluate@{run}")
    shown = {kind: tuple(_overlay(folder, entry) for entry in index[kind]) for kind in ("gained", "lost")}
    return Overlays(index["recipe"], index["learning_rate"], index["seed"], **shown)


def _overlay(folder: Path, entry: dict) -> Overlay:
    strip = read_picture(folder / entry["file"])
    return Overlay(strip, entry["concept"], entry["picture"], 100 * entry["before"], 100 * entry["after"])
