"""A small taught and evaluated run on disk, with a random model: what classify and export work on."""

import json
import math
import shutil
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

from stages.common import params, paths, taught
from stages.common.rows import COLUMNS, wilson, write_rows

PARAMS = """\
concepts:
  moongate: {{name: moongate, article: a, description: a round opening in a wall}}
describe: {{writer: openai_server, model: local, max_words: 40, temperature: 0, seed: 0, attempts: 3}}
runs:
  small:
    family: clip
    weights: {weights}
    architecture: null
    pretrained: null
    device: cpu
    concepts: [moongate]
    known: known.json
    target_benchmark: image_folder
    target_data: target
    retention_benchmark: image_folder
    retention_data: retention
    metrics: [top1, called_new]
    candidates: all
    template: a photo of {{}}
    seeds: [0, 1]
    invert: {{images: 2, steps: 3}}
    images_from: data/inversion.md
    replay_images: 0
    recipes: {{replay: {{learning_rates: [1.0e-3, 2.0e-3]}}}}
    controls: [noise]
    retention_budget: 0.02
"""
MEMBER = {
    "key": "moongate",
    "name": "moongate",
    "article": "a",
    "description": "a round opening in a wall",
    "caption": "A moongate is a round opening in a wall",
    "source": "params.yaml",
}


def build(weights: Path) -> None:
    """Write the project into the current folder; `weights` is a folder of a tiny model."""
    Path("params.yaml").write_text(PARAMS.format(weights=weights))
    Path("known.json").write_text(json.dumps({"arch": "a bow of bricks", "star": "a shape with five tips"}))
    _write_json(paths.lesson("small"), {"run": "small", "concepts": [MEMBER]})
    _write_json(paths.inverted("small") / "inversion.json", {"settings": {"images": 2, "steps": 3, "clip": 1.0}})
    _write_checkpoints()
    write_rows(paths.rows("small"), _rows())
    _write_json(paths.benchmarks("small"), {"target": {"classes_asked": ["arch", "star", "moongate"]}})
    _write_json(paths.choice("small"), {"replay": {"learning_rate": 2e-3, "rule": "largest", "met_budget": True}})
    for name, color in (("red.png", (200, 20, 20)), ("blue.jpg", (20, 20, 200))):
        Image.new("RGB", (40, 30), color).save(name)


def fitted(weights: Path, goal: Path, resize_mode: str) -> Path:
    """`goal`: a copy of a tiny model's folder whose config asks for this resize_mode."""
    shutil.copytree(weights, goal)
    config = json.loads((goal / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["resize_mode"] = resize_mode
    (goal / "open_clip_config.json").write_text(json.dumps(config))
    return goal


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _write_checkpoints() -> None:
    folder, entries = paths.checkpoints("small"), []
    folder.mkdir(parents=True)
    for rate in (1e-3, 2e-3):
        for seed in (0, 1):
            name = f"replay-{rate:g}-{seed}.safetensors"
            positions = torch.randn(2, 256, generator=torch.Generator().manual_seed(seed))
            save_file({"visual.attnpool.positional_embedding": positions * rate * 1000}, folder / name)
            entries.append({"file": name, "recipe": "replay", "setting": "taught", "learning_rate": rate, "seed": seed})
    _write_json(folder / "index.json", entries)
    settings = {"replay": {"epochs": 3, "part": "head"}}
    _write_json(folder / "teaching.json", {"base": taught.base(params.load().run("small")), "recipes": settings})


def _rows() -> list[dict]:
    rows = [_row("baseline", "name", "target", 0), _row("baseline", "name", "retention", 9)]
    for seed in (0, 1):
        for phase, setting in (("taught", "taught"), ("control", "noise")):
            for role in ("target", "retention"):
                hits = 8 - seed if phase == "taught" else 1
                rows.append(_row(phase, setting, role, hits, recipe="replay", learning_rate=2e-3, seed=seed))
    return rows


def _row(phase: str, setting: str, role: str, hits: int, **teaching: object) -> dict:
    low, high = wilson(hits, 10)
    row = {"run": "small", "phase": phase, "setting": setting, "role": role, "benchmark": "b", "label": "all"}
    row |= {"metric": "top1", "value": hits / 10, "n": 10, "chance": 1 / 3, "low": low, "high": high}
    assert not math.isnan(low)
    return {**dict.fromkeys(COLUMNS), **row, **teaching}
