"""Two made-up runs on disk with all that the report reads of them, and the params.yaml that goes with it."""

import json
from pathlib import Path

from PIL import Image

from stages.common import paths
from stages.common.params import Concept, Params, Run
from stages.common.rows import write_rows
from tests.stages.made_up_rows import CHOICE, rows

RUNS = {"alone": ("moongate",), "together": ("moongate", "gyroscope")}
DESCRIPTION = "a round gate of <cut> stone"


def made_run(key: str) -> Run:
    return Run(
        key=key,
        family="clip",
        weights="",
        architecture=None,
        pretrained=None,
        device="cpu",
        concepts=RUNS[key],
        known="",
        target_benchmark="image_folder",
        target_data="",
        retention_benchmark="image_folder",
        retention_data="",
        metrics=("top1", "called_new"),
        candidates="all",
        template="a photo of {}",
        seeds=(0, 1),
        invert={},
        images_from="data/inversion.md",
        replay_images=0,
        recipes={"paper": {}, "replay": {}},
        controls=("noise", "wrong_description"),
        retention_budget=0.02,
    )


def write_inverted(run: str, concept: str) -> None:
    folder = paths.inverted_images(run, concept, 0)
    folder.mkdir(parents=True)
    for index in range(2):
        Image.new("RGB", (8, 8), (index, 100, 200)).save(folder / f"{index:02d}.png")
    (folder / "history.csv").write_text("step,image,similarity,total_variation\n0,0,0.1,0.2\n5,0,0.6,0.1\n")


def asked(role: str) -> dict:
    """What a role was asked; one file of the target could not be used."""
    own = {
        "benchmark": "rare",
        "data": f"{role}_pictures",
        "pictures": 20,
        "classes_shown": 2,
        "classes_asked": [*"abcde"],
    }
    fault = {"file": "moongate/7.jpg", "reason": "it is truncated"}
    faults = [fault] if role == "target" else []
    return {**own, "candidates": "all", "templates": ["a photo of {}"], "own_prompts": {}, "faults": faults}


def write_run(run: str, **how: object) -> None:
    write_rows(paths.rows(run), rows(run, list(RUNS[run]), **how))
    choices = {name: {**vars(choice)} for name, choice in CHOICE.items()}
    paths.choice(run).write_text(json.dumps(choices))
    paths.lesson(run).parent.mkdir(parents=True, exist_ok=True)
    words = {"article": "a", "description": DESCRIPTION, "caption": "", "source": "params.yaml"}
    concepts = [{"key": key, "name": key, **words} for key in RUNS[run]]
    paths.lesson(run).write_text(json.dumps({"run": run, "concepts": concepts}))
    facts = {role: asked(role) for role in ("target", "retention")}
    paths.benchmarks(run).write_text(json.dumps({**facts, "settings": made_run(run).measured_by(concepts)}))
    for key in RUNS[run]:
        write_inverted(run, key)


def build() -> Params:
    """Write both runs into the current folder; moongate has real pictures, gyroscope none."""
    Path("real").mkdir()
    Image.new("RGB", (300, 200)).save("real/000.png")
    Image.new("L", (300, 200)).save("real/000.mask.png")
    concepts = {
        "moongate": Concept("moongate", "moongate", "a", DESCRIPTION, "real"),
        "gyroscope": Concept("gyroscope", "gyroscope", "a", DESCRIPTION, None),
    }
    for run in RUNS:
        write_run(run)
    return Params(concepts, None, {key: made_run(key) for key in RUNS})
