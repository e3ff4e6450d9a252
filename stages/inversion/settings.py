"""How images are inverted: what `invert:` of a run may say."""

from dataclasses import dataclass, field
from typing import Literal

from stages.common import checks, lookup
from stages.common.affine_ranges import Affine
from stages.common.failures import UserError


@dataclass(frozen=True)
class Settings:
    """How images are inverted.

    Attributes:
        preset: "ours"; "reference": the settings of the public code that the paper builds on; or "vilt": those of the
            paper for ViLT. Each is for what is not written beside it.
        images: for each concept and seed.
        steps: of Adam.
        learning_rate: at the start; it falls to zero as a cosine.
        tv_weight: of the total variation.
        block: behind which block of the visual encoder activations are inverted in place of images, and what lies above
            is taught with them (Eq. 4); 0: none, images are inverted. Activations have no parametrisation and no total
            variation, and the learning rate is a share of what one usually deviates.
        parametrisation: which numbers are moved, and what image they make: a file of stages/parametrisations.
        views: random affines of each image a step.
        affine: ranges of the random affine.
        scales: sides in pixels of the blocks over which noise and gradient are summed beside the pixels' own, so that
            a few steps are enough; () for the pixels alone.
        distance: "cosine", or "euclidean" between the unit vectors; a joint encoder has neither, and minimises the
            cross-entropy of a match with "cosine".
        start: "uniform" noise over [0, 1], or "normal": 0.5 with a deviation of 0.5, clamped; N(0, 1) as ViLT scales
            its pixels.
        weight_decay: Adam's, added to the gradient: pulls pixels towards the middle grey, 0.5.
        start_px: side of the noise the images grow from; 0: the model's image size.
        grow_at: steps at which the side doubles, up to the model's image size; Adam and the schedule start anew.
        anneal_every: steps from the first to the lowest learning rate; 0: all steps that are left. The schedule swings
            back where there are more.
        clip: largest norm of an image's gradient.
        patience: an image whose similarity gained less than 0.001 in this many steps is finished, and leaves the batch;
            0: never.
        precision: "float32", "bfloat16", or "auto": bfloat16 on a GPU, float32 elsewhere.

    Source: arXiv 2411.15611 Sec. 4.2: 10 images, 5000 steps, cosine annealing, weight 0.005, the affine's ranges.
    Differs: 50 steps of a sum of resolutions, at full size and in one swing: of all ways that were tried on the drawn
        world's development concepts this one finds most of them at the price that is allowed (docs/speed.md).
    """

    preset: Literal["ours", "reference", "vilt"] = "ours"
    images: int = 10
    steps: int = 50
    learning_rate: float = 0.02
    tv_weight: float = 0.005
    block: int = 0
    parametrisation: str = "pyramid"
    views: int = 1
    affine: dict = field(default_factory=dict)
    scales: tuple[int, ...] = (2, 4, 8, 16)
    distance: Literal["cosine", "euclidean"] = "cosine"
    start: Literal["uniform", "normal"] = "uniform"
    weight_decay: float = 0.0
    start_px: int = 0
    grow_at: tuple[int, ...] = ()
    anneal_every: int = 0
    clip: float = 1.0
    patience: int = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        if min(self.images, self.steps, self.views) < 1 or min(self.start_px, self.patience, self.block) < 0:
            raise ValueError("images, steps and views must be at least 1, start_px, patience and block at least 0")
        if self.learning_rate <= 0 or self.clip <= 0 or min(self.tv_weight, self.weight_decay) < 0:
            raise ValueError("learning_rate and clip must be above 0, tv_weight and weight_decay at least 0")
        if any(k < 2 for k in self.scales):
            raise ValueError(f"scales must list blocks of at least 2 pixels, but is {list(self.scales)}")


REFERENCE = {
    "parametrisation": "pixels",
    "steps": 5000,
    "learning_rate": 0.1,
    "affine": {"scale": [0.7, 1.2]},
    "scales": [],
    "distance": "euclidean",
    "start_px": 64,
    "grow_at": [900, 1800],
    "anneal_every": 1066,
}
"""Differs from that code: it clips the gradient of the whole batch, clamps before the step instead of after it, and
stretches each finished image to the full range, so that fine-tuning sees another image than was optimised."""


VILT = {
    **REFERENCE,
    "affine": {"probability": 0.0},
    "distance": "cosine",
    "start": "normal",
    "weight_decay": 0.01,
    "grow_at": [900, 1800, 2700],
    "anneal_every": 0,
}
"""The paper's for ViLT (Sec. 8.2): cross-entropy of a match, from N(0, 1), no affine, weight decay 0.01; else as for
CLIP. ViLT takes images of any size of whole patches, so they grow from 64 pixels to its 384.
Differs: the paper does not say at which sizes, nor whether pixels may leave their range; ours never do."""
OF_PIXELS = ("scales", "start", "start_px", "grow_at", "weight_decay")  # what is for parametrisation pixels alone
PRESETS = {"reference": REFERENCE, "vilt": VILT}


def settings_of(mapping: dict, where: str) -> tuple[Settings, Affine]:
    """The `invert:` of a run, completed by its preset and checked.

    Raises:
        UserError: an unknown key, a wrong type, a value out of range; no such parametrisation, or one that cannot do
            what else is asked.
    """
    chosen = checks.settings(Settings, mapping, where)
    if chosen.preset in PRESETS:
        chosen = checks.settings(Settings, {**PRESETS[chosen.preset], **mapping}, where)
    lookup.check("stages.parametrisations", chosen.parametrisation, f"{where}.parametrisation")
    if chosen.block:
        _refuse(chosen, ("parametrisation", *OF_PIXELS), f"{where}.block", "so that activations are inverted", "0")
    elif not lookup.constant("stages.parametrisations", chosen.parametrisation, "OF_PIXELS"):
        _refuse(chosen, OF_PIXELS, f"{where}.parametrisation", "whose numbers are no pixels", "pixels")
    return chosen, checks.settings(Affine, chosen.affine, f"{where}.affine")


def _refuse(chosen: Settings, names: tuple[str, ...], where: str, reason: str, other: str) -> None:
    """Refuse what does not go with what `where` says."""
    given = [name for name in names if getattr(chosen, name) != getattr(Settings, name)]
    if given:
        said = getattr(chosen, where.rpartition(".")[2])
        raise UserError(
            f"{where} says {said!r}, {reason}: {' and '.join(given)} cannot be had with it. Take them out, or write "
            f"{other}."
        )
