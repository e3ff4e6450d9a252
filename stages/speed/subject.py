"""What is measured: a model, ways to invert it, and what it is taught against."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from stages.common import known_classes, lookup, params
from stages.common.affine_ranges import Affine
from stages.common.entries import INVERSION
from stages.common.failures import UserError
from stages.common.open_clip_import import architectures, import_open_clip, libraries_of, read_config
from stages.common.params import Run
from stages.common.recipes import recipes_of
from stages.inversion.settings import Settings, settings_of
from stages.models.contract import Model

WAYS = ("ours", "reference")
REFERENCE = {"preset": "reference", "images": 1, "views": 13}
TEXTS = (  # speed does not depend on the words
    "a round opening in a wall of brick or stone with a garden behind it",
    "a thin silver rod standing on a small base with round dials",
)
RECIPE = "paper"
UNTRAINED = {  # what a run says beside its model; the bench looks at `known`, `template` and `invert` alone
    "concepts": (),
    "known": "data/known/imagenet1k.json",  # the paper's
    "target_benchmark": "imagenet",
    "target_data": "",
    "retention_benchmark": "imagenet",
    "retention_data": "",
    "metrics": (),
    "candidates": "all",
    "template": "a photo of {}",
    "seeds": (0,),
    "images_from": INVERSION,
    "replay_images": 0,
    "recipes": {},
    "controls": (),
    "retention_budget": 0.0,
}


@dataclass(frozen=True)
class Way:
    """One way to invert.

    Attributes:
        name: one of WAYS.
        settings: with a precision that is "float32" or "bfloat16".
        affine: ranges of the random affine.
    """

    name: str
    settings: Settings
    affine: Affine


@dataclass(frozen=True)
class Subject:
    """A model with what is done to it.

    Attributes:
        name: the run's key; the architecture where there is no run.
        model: loaded and frozen.
        ours: the way of its run, or of the default settings.
        known: captions of the classes that it knows, the negatives of its fine-tuning.
        recipe: settings of the recipe `paper`.
    """

    name: str
    model: Model
    ours: Way
    known: list[str]
    recipe: object

    def way(self, name: str) -> Way:
        """A way by its name.

        Raises:
            UserError: the reference's way, and the model is one joint encoder.
        """
        if name == "ours":
            return self.ours
        if not hasattr(self.model, "embed_images"):
            raise UserError(f"{self.name} is one joint encoder, which the reference's way is not for: --way ours.")
        settings, affine = settings_of(REFERENCE, "stages/speed/subject.py: REFERENCE")
        return Way(name, replace(settings, precision=self.ours.settings.precision), affine)


def subject_of(run: Run, device: torch.device, precision: str) -> Subject:
    """Load a run's model, and read what it is taught against.

    Args:
        run: of params.yaml, or of `untrained`.
        device: where to compute, whatever the run says.
        precision: "float32", "bfloat16", or "auto": what the run says.

    Raises:
        UserError: something that the run names is missing or wrong.
    """
    run, where = replace(run, device=device.type), f"params.yaml: runs.{run.key}"
    settings, affine = settings_of(run.invert, f"{where}.invert")
    if precision == "auto":
        precision = settings.precision
    if precision == "auto":
        precision = "bfloat16" if device.type == "cuda" else "float32"
    captions = [one.caption(run.templates[0]) for one in known_classes.read(run).values()]
    _, recipe = recipes_of(replace(run, recipes={RECIPE: run.recipes.get(RECIPE, {})}))[RECIPE]
    model = lookup.find("stages.models", run.family, f"{where}.family").load(run)
    return Subject(run.key, model, Way("ours", replace(settings, precision=precision), affine), captions, recipe)


def named(key: str) -> Run:
    """A run of params.yaml.

    Raises:
        UserError: there is none of this key, or it lacks its weights.
    """
    run = params.load().run(key)
    run.require("weights")
    return run


@contextmanager
def untrained(architecture: str, preset: str = "ours") -> Iterator[Run]:
    """A run with the settings of a preset and random weights, which lie in a temporary folder while this is open.

    Args:
        architecture: as open_clip calls it; ViT-B/32 will do for ViT-B-32.
        preset: as `invert:` of a run says it.

    Raises:
        UserError: open_clip does not have it, or a hub has its text encoder and was not reached.
    """
    name, known = architecture.replace("/", "-"), architectures()
    if name not in known:
        raise UserError(
            f"--model says {architecture!r}, which open_clip does not have.{lookup.nearest(name, known)} It has "
            f"{len(known)}, such as RN50, ViT-B-32, ViT-L-14."
        )
    torch.manual_seed(0)
    open_clip = import_open_clip(libraries_of(read_config(known[name])))
    try:
        network = open_clip.create_model(name, pretrained_text=False)
    except OSError as error:
        raise UserError(f"--model says {architecture!r}, whose text encoder a hub has: {error}") from error
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "random.safetensors"
        save_file({key: value.clone() for key, value in network.state_dict().items()}, file)
        del network
        model = {"family": "clip", "weights": str(file), "architecture": name, "pretrained": None, "device": "auto"}
        yield Run(key=name, **model, **{**UNTRAINED, "invert": {"preset": preset}})
