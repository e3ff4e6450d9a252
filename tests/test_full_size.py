"""A model of real size: ViT-B-32 with random weights through invert, finetune, evaluate and export.

What it needs is printed: python -m pytest -s -m slow tests/test_full_size.py
"""

import json
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from stages import describe, evaluate, export, finetune, gather, invert
from stages.common import paths
from stages.common.open_clip_import import import_open_clip
from stages.common.rows import read_rows

pytestmark = pytest.mark.slow

GIGABYTES = 8
PARAMS = """\
concepts:
  moongate: {name: moongate, article: a, description: a round opening in a wall}
describe: {writer: openai_server, model: local, max_words: 40, temperature: 0, seed: 0, attempts: 3}
runs:
  full:
    family: clip
    weights: random.safetensors
    architecture: ViT-B-32
    pretrained: null
    device: cpu
    concepts: [moongate]
    known: known.json
    target_benchmark: image_folder
    target_data: target
    retention_benchmark: image_folder
    retention_data: retention
    metrics: [top1]
    template: a photo of {}
    seeds: [0]
    invert: {images: 10, steps: 2}
    replay_images: 0
    recipes: {paper: {learning_rates: [1.0e-5], batch: 10}}
    controls: []
    retention_budget: 0.02
"""


def build() -> None:
    """A run of a large model, in the current folder."""
    Path("params.yaml").write_text(PARAMS)
    Path("known.json").write_text(json.dumps({"arch": "a bow of stones", "kite": "a bright diamond on a string"}))
    chance = np.random.default_rng(0)
    for folder in ("target/moongate", "retention/arch", "retention/kite"):
        Path(folder).mkdir(parents=True)
        for number in range(2):
            pixels = chance.integers(0, 256, (300, 240, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(Path(folder) / f"{number}.png")
    torch.manual_seed(0)
    network = import_open_clip().create_model("ViT-B-32")
    save_file({name: value.clone() for name, value in network.state_dict().items()}, "random.safetensors")


def walk(folder: Path) -> dict[str, float]:
    """Every verb on the large model; in a process of its own, so that the memory is the walk's."""
    os.chdir(folder)
    at, taught, whole, teach = [], [], invert.invert, finetune.finetune

    def watched(*words: object, **more: object) -> Iterator[object]:
        for result in whole(*words, **more):
            at.append(time.perf_counter())
            yield result

    def timed(*words: object) -> dict[str, torch.Tensor]:
        begin = time.perf_counter()
        tensors = teach(*words)
        taught.append(time.perf_counter() - begin)
        return tensors

    invert.invert, finetune.finetune = watched, timed
    describe.main("moongate")
    for verb in (gather, invert, finetune, evaluate):
        verb.main("full")
    export.main("full", "exported")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # Linux counts in kB
    return {"memory_gb": memory, "inversion_s": at[1] - at[0], "finetuning_s": taught[0]}


@pytest.fixture(scope="module")
def walked(tmp_path_factory) -> tuple[Path, dict[str, float]]:
    folder = tmp_path_factory.mktemp("full")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(_build_in, (folder,))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        figures = pool.apply(walk, (folder,))
    return folder, figures


def _build_in(folder: Path) -> None:
    os.chdir(folder)
    build()


def test_every_verb_leaves_its_result(walked, monkeypatch):
    monkeypatch.chdir(walked[0])
    images = sorted(paths.inverted_images("full", "moongate", 0).glob("*.png"))
    assert [Image.open(image).size for image in images] == [(224, 224)] * 10
    index = json.loads((paths.checkpoints("full") / "index.json").read_text())
    assert [entry["learning_rate"] for entry in index] == [1e-5]
    rows = read_rows([paths.rows("full")])
    assert set(rows[rows.phase == "taught"].role) == {"target", "retention"}


def test_its_memory_is_bounded(walked):
    figures = walked[1]
    print(
        f"\nViT-B-32, 10 images, {torch.get_num_threads()} threads: {figures['memory_gb']:.1f} GB at most; "
        f"{figures['inversion_s']:.1f} s a step of inversion, {figures['finetuning_s']:.1f} s a step of fine-tuning"
    )
    assert figures["memory_gb"] < GIGABYTES


def test_open_clip_loads_the_export_in_one_line(walked, monkeypatch):
    monkeypatch.chdir(walked[0])
    network, _, preprocess = import_open_clip().create_model_and_transforms("local-dir:exported")
    entry = json.loads((paths.checkpoints("full") / "index.json").read_text())[0]
    trained = load_file(paths.checkpoints("full") / entry["file"])
    untouched = load_file("random.safetensors")
    loaded = network.state_dict()
    assert all(torch.equal(loaded[name], trained.get(name, value)) for name, value in untouched.items())
    assert any(not torch.equal(trained[name], untouched[name]) for name in trained)
    with torch.no_grad():
        picture = preprocess(Image.open("target/moongate/0.png"))
        assert network.encode_image(picture[None]).shape == (1, 512)
