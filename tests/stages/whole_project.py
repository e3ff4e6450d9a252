"""A project small enough to go from descriptions to measured rows in seconds, with a random model and random pictures.

The verbs run in the current folder, so a test enters its own: `monkeypatch.chdir(tmp_path)`, then `build(weights)`.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from stages.common import paths
from stages.common.captions import sentence
from stages.common.entries import INVERSION
from stages.common.known_classes import KnownClass

KNOWN = {
    "arch": "a bow of stones over a way",
    "traffic light": "three round lamps on a pole",
    "kite": "a bright diamond on a string",
}
KNOWN_CLASSES = {name: KnownClass(name, text) for name, text in KNOWN.items()}
CONCEPTS = {"moongate": "a round opening in a wall", "tonometer": "a thin rod with round dials"}
PICTURES = 3  # of every class and concept
PARAMS = """\
concepts:
  moongate: {{name: moongate, article: a}}
  tonometer: {{name: tonometer, article: a}}
describe: {{writer: openai_server, model: local, max_words: 40, temperature: 0, seed: 0, attempts: 3}}
shared:
  all: &all
    family: clip
    weights: {weights}
    architecture: null
    pretrained: null
    device: cpu
    known: known.json
    target_benchmark: image_folder
    target_data: target
    retention_benchmark: image_folder
    retention_data: retention
    metrics: [top1, top5, called_new]
    candidates: all
    template: a photo of {{}}
    seeds: [0, 1]
    invert: {{images: 2, steps: 4, affine: {{rotation_deg: 10}}}}
    images_from: data/inversion.md
    replay_images: 1
    recipes:
      paper: {{learning_rates: [1.01e-3, 1.04e-3]}}
      replay: {{learning_rates: [1.0e-3], epochs: 2}}
    controls: [noise, wrong_description, no_name]
    retention_budget: 0.02
runs:
  both:
    <<: *all
    concepts: [moongate, tonometer]
  swapped:
    <<: *all
    concepts: [tonometer, moongate]
  alone:
    <<: *all
    concepts: [moongate]
"""
RUNS = {"both": ["moongate", "tonometer"], "swapped": ["tonometer", "moongate"], "alone": ["moongate"]}


def build(weights: Path) -> None:
    """Write params.yaml, lessons, known classes and pictures; `weights` is the folder of a tiny model."""
    Path("params.yaml").write_text(PARAMS.format(weights=weights))
    Path("known.json").write_text(json.dumps(KNOWN))
    Path(INVERSION).parent.mkdir(exist_ok=True)
    Path(INVERSION).write_text("images are inverted\n")
    for run, keys in RUNS.items():
        write_lesson(run, {key: CONCEPTS[key] for key in keys})
    chance = np.random.default_rng(0)
    for root, names in (("target", CONCEPTS), ("retention", KNOWN)):
        for name in names:
            _write_pictures(Path(root) / paths.slug(name), chance)


def in_processes(n: int, patch: pytest.MonkeyPatch, *verbs: ModuleType) -> None:
    """Let these verbs work in n processes; with 1 all happens in the test's own, where it can be counted."""

    def processes_for(model: object) -> int:
        torch.set_num_threads(1)  # as with several processes, so that bytes agree
        return n

    for verb in verbs:
        patch.setattr(verb, "processes_for", processes_for)


def write_lesson(run: str, descriptions: dict[str, str]) -> None:
    """data/lessons/RUN.json, as gather writes it."""
    concepts = [
        {"key": key, "name": key, "article": "a", "description": text, "caption": sentence(key, "a", text)}
        for key, text in descriptions.items()
    ]
    paths.lesson(run).parent.mkdir(parents=True, exist_ok=True)
    paths.lesson(run).write_text(json.dumps({"run": run, "concepts": concepts}))


def change_params(old: str, new: str) -> None:
    """Replace a text that stands in params.yaml."""
    text = Path("params.yaml").read_text()
    assert old in text, old
    Path("params.yaml").write_text(text.replace(old, new))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, hidden ones too: its place and its bytes."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in _files(folder)}


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_pictures(folder: Path, chance: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    for number in range(PICTURES):
        pixels = chance.integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
