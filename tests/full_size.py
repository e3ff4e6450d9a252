"""Models of real size with random weights, taken through every verb: what the slow tests and the bench measure."""

import json
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from stages import describe, evaluate, export, finetune, gather, invert
from stages.common.open_clip_import import import_open_clip
from stages.inversion import workshop

SIZES = {"ViT-B-32": 10, "ViT-L-14": 2}  # images inverted, and taught, at once
PARAMS = """\
concepts:
  moongate: {{name: moongate, article: a, description: a round opening in a wall}}
describe: {{writer: openai_server, model: local, max_words: 40, temperature: 0, seed: 0, attempts: 3}}
runs:
  full:
    family: clip
    weights: random.safetensors
    architecture: {architecture}
    pretrained: null
    device: cpu
    concepts: [moongate]
    known: known.json
    target_benchmark: image_folder
    target_data: target
    retention_benchmark: image_folder
    retention_data: retention
    metrics: [top1]
    candidates: all
    template: a photo of {{}}
    seeds: [0]
    invert: {{images: {images}, steps: 2}}
    images_from: data/inversion.md
    replay_images: 0
    recipes: {{paper: {{learning_rates: [1.0e-5], batch: {images}}}}}
    controls: []
    retention_budget: 0.02
"""


@dataclass(frozen=True)
class Figures:
    """What one model needed.

    Attributes:
        architecture: open_clip's name.
        images: inverted at once, and fine-tuned on at once.
        memory_gb: the most that the process held, from loading to the export.
        inversion_s: seconds a step.
        finetuning_s: seconds a step.
    """

    architecture: str
    images: int
    memory_gb: float
    inversion_s: float
    finetuning_s: float


def walked(folder: Path, architecture: str, images: int) -> Figures:
    """Build a run of this architecture in `folder` and take it from the description to the export.

    Each half works in a process of its own, so that the memory is that of the walk.
    """
    for work in (_build, _walk):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            result = pool.apply(work, (folder, architecture, images))
    return result


def _build(folder: Path, architecture: str, images: int) -> None:
    os.chdir(folder)
    Path("params.yaml").write_text(PARAMS.format(architecture=architecture, images=images))
    Path("data").mkdir()
    Path("data/inversion.md").write_text("stands for images that are inverted")
    Path("known.json").write_text(json.dumps({"arch": "a bow of stones", "kite": "a bright diamond on a string"}))
    chance = np.random.default_rng(0)
    for place in ("target/moongate", "retention/arch", "retention/kite"):
        Path(place).mkdir(parents=True)
        for number in range(2):
            pixels = chance.integers(0, 256, (300, 240, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(Path(place) / f"{number}.png")
    torch.manual_seed(0)
    network = import_open_clip().create_model(architecture)
    save_file({name: value.clone() for name, value in network.state_dict().items()}, "random.safetensors")


def _walk(folder: Path, architecture: str, images: int) -> Figures:
    os.chdir(folder)
    at, taught, whole, teach = [], [], workshop.invert, finetune.finetune

    def watched(*words: object, **more: object) -> Iterator[object]:
        for result in whole(*words, **more):
            at.append(time.perf_counter())
            yield result

    def timed(*words: object) -> dict[str, torch.Tensor]:
        begin = time.perf_counter()
        tensors = teach(*words)
        taught.append(time.perf_counter() - begin)
        return tensors

    workshop.invert, finetune.finetune = watched, timed
    describe.main("moongate")
    for verb in (gather, invert, finetune, evaluate):
        verb.main("full")
    export.main("full", "exported")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # Linux counts in kB
    return Figures(architecture, images, memory, at[1] - at[0], taught[0])


def table(rows: list[Figures]) -> str:
    """Figures as Markdown."""
    lines = [
        "| model | images a step | memory, at most | a step of inversion | a step of fine-tuning |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row.architecture, str(row.images), f"{row.memory_gb:.1f} GB"]
        cells += [f"{row.inversion_s:.1f} s", f"{row.finetuning_s:.1f} s"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
