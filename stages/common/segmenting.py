"""How a run's pictures are segmented: the fields of its `segmentation`, checked without torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from stages.common import checks, lookup
from stages.common.document import place
from stages.common.failures import UserError

FOLDERS = {"saliency": "saliency", "mask": "masks", "segmenter": "segmenters"}  # setting -> folder of stages/


@dataclass(frozen=True)
class Tuning:
    """Block and beta chosen by masks: what segments is then no longer asked zero-shot, and every result says so.

    Attributes:
        pictures: so many, drawn by lot, whose true masks are looked at; nothing is measured on them.
        blocks: those that are tried.
        betas: those that are tried with each of them.
    """

    pictures: int
    blocks: tuple[int, ...]
    betas: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.pictures < 1 or not self.blocks or not self.betas:
            raise ValueError("tune needs at least one picture, one of blocks and one of betas")
        if min(self.blocks) < 1 or min(self.betas) < 0:
            raise ValueError(f"blocks start at 1 and betas at 0, but they are {self.blocks} and {self.betas}")


@dataclass(frozen=True)
class Settings:
    """From a picture and a text to a mask.

    Attributes:
        saliency: how much each place speaks for the text: a file of stages/saliency.
        block: of the visual encoder, whose activations are judged; from 1, the lowest.
        beta: weight of compression against fit in M2IB; larger leaves less of the picture.
        steps: of M2IB's optimisation.
        learning_rate: of the same.
        samples: of noise, for each step and picture.
        mask: how a map becomes a mask: a file of stages/masks.
        threshold: of the mask `threshold`, in [0, 1].
        components: the largest so many are kept.
        segmenter: what draws the final mask: a file of stages/segmenters.
        prompts: what a SAM is told of the mask.
        weights: of a SAM, a folder or an id of the hub; None: the segmenter's own.
        modality: which of several pictures of the same is shown; None: the first of the benchmark's MODALITIES.
        pictures: so many of the benchmark's, drawn by lot; None: all.
        tune: the fields of `Tuning`; {}: no mask is looked at before it is measured on.

    Source: defaults of M2IB (arXiv 2312.17174) and of MedCLIP-SAMv2 (arXiv 2409.19483), as their public code has them.
    """

    saliency: str = "m2ib"
    block: int = 8
    beta: float = 0.1
    steps: int = 10
    learning_rate: float = 1.0
    samples: int = 10
    mask: str = "kmeans"
    threshold: float = 0.3
    components: int = 1
    segmenter: str = "grabcut"
    prompts: Literal["box", "point", "both"] = "box"
    weights: str | None = None
    modality: str | None = None
    pictures: int | None = None
    tune: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("block", "samples", "components"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, but is {getattr(self, name)}")
        for name in ("steps", "beta"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, but is {getattr(self, name)}")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be above 0, but is {self.learning_rate}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be within 0 and 1, but is {self.threshold}")
        if self.pictures is not None and self.pictures < 1:
            raise ValueError(f"pictures must be at least 1, or null for all, but is {self.pictures}")
        self._check_tune()

    def _check_tune(self) -> None:
        """Refuse to tune what a way does not have, or by all pictures; `Tuning` checks the rest."""
        betas, looked_at = self.tune.get("betas"), self.tune.get("pictures")
        if self.saliency != "m2ib" and isinstance(betas, list) and len(betas) > 1:
            raise ValueError(f"tune lists {len(betas)} betas, but saliency {self.saliency} has none: write one of them")
        if self.pictures and isinstance(looked_at, int) and looked_at >= self.pictures:
            raise ValueError(f"tune looks at {looked_at} pictures of {self.pictures}, so none would be measured")

    @property
    def highest(self) -> int:
        """The highest block that is looked at."""
        return max(self.tuning.blocks) if self.tune else self.block

    @property
    def tuning(self) -> Tuning | None:
        """What `tune` says; None: nothing is tuned."""
        return checks.settings(Tuning, self.tune, "tune") if self.tune else None

    def tried(self) -> list["Settings"]:
        """These settings with each block and beta that tuning tries."""
        asked = self.tuning
        return [replace(self, block=block, beta=beta) for block in asked.blocks for beta in asked.betas]


def settings_of(mapping: dict, where: str) -> Settings:
    """The `segmentation:` of a run, checked.

    Raises:
        UserError: an unknown key, a wrong type, a value out of range, a method that there is not.
    """
    chosen = checks.settings(Settings, mapping, where)
    for name, folder in FOLDERS.items():
        lookup.check(f"stages.{folder}", getattr(chosen, name), place(where, mapping, name))
    if chosen.tune:
        checks.settings(Tuning, chosen.tune, f"{where}.tune")
    return chosen


def check_block(block: int, count: int, where: str) -> None:
    """Refuse a block that a visual encoder of so many blocks does not have; `where` is the settings' place.

    Raises:
        UserError: says how many it has.
    """
    if not count:
        raise UserError(f"{where}: the blocks of this visual encoder are not known, so saliency cannot be found in it.")
    if block > count:
        raise UserError(f"{where}.block says {block}, but this visual encoder has {count} blocks: write 1 to {count}.")


def check_modality(settings: Settings, benchmark: str, modalities: Sequence[str], where: str) -> None:
    """Refuse a modality that a benchmark does not have; `where` is its own place in params.yaml.

    Raises:
        UserError: it has others, or none to choose from.
    """
    if settings.modality is None or settings.modality in modalities:
        return
    has = f"has {', '.join(modalities)}" if modalities else "has one kind of picture alone: write null"
    hint = lookup.nearest(settings.modality, modalities)
    raise UserError(f"{where} says {settings.modality!r}, but {benchmark} {has}.{hint}")
