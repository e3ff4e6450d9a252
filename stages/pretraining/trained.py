"""A trained model in its folder, of whatever family, outside any run."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from stages.common import lookup, params
from stages.common.failures import UserError
from stages.common.weight_files import CONFIG, VILT_CONFIG
from stages.models.contract import Model


def family_of(folder: Path) -> ModuleType:
    """The family whose layout a folder of weights has.

    Raises:
        UserError: it has none of the tiny models' layouts.
    """
    if (folder / CONFIG).is_file():
        decodes = "multimodal_cfg" in json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("model_cfg", {})
        return lookup.find("stages.models", "coca" if decodes else "clip", str(folder))
    path = folder / VILT_CONFIG
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("model_type") == "vilt":
        return lookup.find("stages.models", "vilt", str(folder))
    raise UserError(f"{folder} must hold {CONFIG} of a CLIP or CoCa, or {VILT_CONFIG} of a ViLT, but has neither.")


def model_in(folder: Path) -> Model:
    """The model of a folder, frozen, in evaluation mode, where the first run of params.yaml would compute."""
    any_run = next(iter(params.load().runs.values()))
    family = family_of(folder)
    name = family.__name__.rpartition(".")[2]
    return family.load(replace(any_run, family=name, weights=str(folder), architecture=None, pretrained=None))
