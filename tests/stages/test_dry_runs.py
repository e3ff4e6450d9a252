"""Every experiment of the paper from params.yaml to the report, dry: the verbs, loaders and model classes are the real
ones, the data is drawn in each source's real layout, and the models are tiny and random.

What a dry run changes in an experiment is in `dry`; all else is as pipeline/experiments has it.
"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline import experiments
from stages import describe, evaluate, finetune, gather, invert, report
from stages.common import params, paths
from stages.common.failures import UserError
from stages.evaluation import asking
from tests.stages import whole_project
from tests.stages.benchmarks import drawn_layouts as drawn
from tests.stages.segmenters.tiny import sam_folder

ROOT = Path(__file__).resolve().parents[2]
ON_DRAWN_WORLD = {"development", "findings"}
NAMES = sorted(set(experiments.names()) - ON_DRAWN_WORLD)
SLOW = {
    "figure4",
    "table5",
    "table6",
    "table9",
    "table11",
    "table8",
    "v2_table9",
    "v2_table10",
    "v2_table12",
}  # of many runs
SPOILT = {  # of each experiment a run that asks for the first class of its benchmark, whose first picture is spoilt
    "table1": "b32-gyroscope",
    "table2": "medclip-benign-nodule",
    "table3": "b32-chexpert",
    "table4": "biomedclip-breast-tumor-few",
    "table5": "vilt-flickr30k-b32",
    "table6": "coca-coco-best",
    "table7": "biomedclip-brain-tumor",
    "table8": "vilt-coco-b32",
    "table9": "coca-coco",
    "table11": "vilt-gyroscope-words",
    "figure4": "b32-gyroscope-both",
    "figure5": "b32-gyroscope-no-name",
    "v2_table2": "l14-gyroscope-prompting",
    "v2_table9": "b32-gyroscope-plain",
    "v2_table10": "b32-gyroscope-generated",
    "v2_table12": "b32-bengal-stripe",
}
N_KNOWN = 12  # of ImageNet's classes
KNOWN = ("imagenet1k", "imagenet100", "imagenet100_without_kite")
GENERATED = "data/benchmarks/generated"
DRAW = {
    "rare_concepts": lambda root: drawn.rare_concepts(root, 2),
    "imagenet": lambda root: drawn.imagenet(root, N_KNOWN, 2),
    "imagenet100": lambda root: drawn.imagenet100(root, N_KNOWN, 2),
    "flickr30k": lambda root: drawn.flickr30k(root, 4),
    "mscoco_captioning": lambda root: drawn.mscoco(root, 4),
    "chexpert_5x200c": lambda root: drawn.chexpert_5x200c(root, 2),
    "jsrt": lambda root: drawn.jsrt(root, 2, 2),
    "unitochest": lambda root: drawn.unitochest(root, 3),
    "siim_acr": lambda root: drawn.siim_acr(root, 3),
    "udiat": lambda root: drawn.udiat(root, 3),
    "brats23_glioma": lambda root: drawn.brats23_glioma(root, 3),
}
MODELS = {
    "clip": "vit",
    "coca": "pooled",
    "medclip": "swin",
    "vilt": "b32",
}  # family -> which of tests/stages/models/tiny.py
BIOMEDCLIP = "data/weights/biomedclip"
TINY_SAM = "data/weights/tiny_sam"
SEGMENTED = {"weights": TINY_SAM, "block": 1, "steps": 2, "samples": 2, "pictures": 2}
AS_ARCHIVE = {"figure5"}  # experiments whose ImageNet lies there as it is downloaded


def marks_of(name: str) -> list[pytest.MarkDecorator]:
    """An experiment of many runs belongs to the tests that take minutes."""
    return [pytest.mark.slow] if name in SLOW else []


def dry(run: dict, tiny_models: dict[tuple[str, str], Path]) -> dict:
    """A run line as it is, but for tiny random models on the CPU, two steps of inversion, and two pictures of masks."""
    family = run["family"]
    variant = "biomed_published" if run["weights"] == BIOMEDCLIP else MODELS[family]
    tiny = {"weights": str(tiny_models[family, variant]), "device": "cpu"}
    if family in ("clip", "coca"):
        tiny |= {"architecture": None, "pretrained": None}
    if run.get("segmentation"):
        tiny |= {"segmentation": {**run["segmentation"], **SEGMENTED}}
    return {**run, **tiny, "invert": {**run["invert"], "images": 2, "steps": 2}}


def prepare(name: str, tiny_models: dict[tuple[str, str], Path]) -> list[str]:
    """An experiment in the current folder, its data drawn; gives the keys of its runs."""
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    added = experiments.add(name)
    yaml = YAML(typ="safe", pure=True)
    content = yaml.load(Path("params.yaml"))
    runs = {key: dry(run, tiny_models) for key, run in content["runs"].items() if f"runs.{key}" in added}
    keys = {concept for run in runs.values() for concept in run["concepts"]}
    concepts = {key: concept for key, concept in content["concepts"].items() if key in keys}
    Path("params.yaml").write_text(json.dumps({**content, "concepts": concepts, "runs": runs, "shared": {}}))
    known = Path("data/known")
    shutil.copytree(ROOT / "data/known", known)
    shutil.copy(ROOT / "data/inversion.md", "data/inversion.md")
    names = json.loads((known / "imagenet1k.json").read_text())[:N_KNOWN]
    for file in KNOWN:
        (known / f"{file}.json").write_text(json.dumps(names))
    if name in AS_ARCHIVE:
        drawn.imagenet("data/benchmarks/imagenet", N_KNOWN, 2, form="tar")
    if any(run.get("segmentation") for run in runs.values()):
        sam_folder(Path(TINY_SAM))
    draw_data(runs, {concept["name"] for concept in concepts.values()})
    return list(runs)


def draw_data(runs: dict[str, dict], taught: set[str]) -> None:
    """Every folder of pictures that the runs name, in the layout of its benchmark."""
    for run in runs.values():
        for role in ("target", "retention"):
            benchmark, root = run[f"{role}_benchmark"], Path(run[f"{role}_data"])
            if root.exists():
                continue
            if benchmark in ("image_folder", "rare_concepts"):
                drawn.image_folder(root, sorted(map(paths.slug, taught)), 2)
            else:
                DRAW[benchmark](root)
    if any(run["images_from"] == GENERATED for run in runs.values()):
        drawn.image_folder(GENERATED, sorted(map(paths.slug, taught)), 2)


def walk(keys: list[str]) -> None:
    """Every verb, in the order of dvc.yaml."""
    for concept in params.load().concepts:
        describe.main(concept)
    for key in keys:
        gather.main(key)
    for verb in (invert, finetune, evaluate):
        verb.main(*keys)
    report.main()


@pytest.fixture
def dry_run(tmp_path, monkeypatch, tiny_models):
    """Prepares an experiment in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, invert, finetune, asking)
    return lambda name: prepare(name, tiny_models)


def test_every_table_and_figure_with_numbers_has_its_experiment():
    expected = {*(f"table{number}" for number in (*range(1, 10), 11)), "figure4", "figure5"}
    assert expected | {f"v2_table{number}" for number in (2, 9, 10, 12)} == set(NAMES)


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks_of(name)) for name in NAMES])
def test_an_experiment_goes_from_params_to_the_report(dry_run, name):
    keys = dry_run(name)
    walk(keys)
    page, rows = Path("data/report/report.md").read_text(), pd.read_csv("data/report/rows.csv")
    assert list(rows["run"].unique()) == keys
    for key, run in params.load().runs.items():
        own = rows[rows["run"] == key]
        assert set(own["role"]) == {"target", "retention"} and (own["n"] > 0).all()
        assert f"## {key}\n" in page
        rates = {rate for recipe in run.recipes.values() for rate in recipe["learning_rates"]}
        assert set(own[own["phase"] == "taught"]["learning_rate"]) == rates
    assert page.count("### Beside the paper") == sum(bool(run.paper) for run in params.load().runs.values())
    assert "Runs without results" not in page


def test_every_experiment_has_a_run_to_spoil_the_data_of():
    assert sorted(SPOILT) == NAMES


@pytest.mark.parametrize(("name", "key"), [pytest.param(*one, marks=marks_of(one[0])) for one in SPOILT.items()])
def test_a_corrupt_and_a_missing_file_are_named_in_the_report_and_the_rest_is_measured(dry_run, name, key):
    assert key in dry_run(name)
    run = params.load().run(key)
    spoilt = {
        role: drawn.spoil(getattr(run, f"{role}_data"), getattr(run, f"{role}_benchmark"))
        for role in ("target", "retention")
    }
    walk([key])
    page, asked = Path("data/report/report.md").read_text(), json.loads(paths.benchmarks(key).read_text())
    for role, one in spoilt.items():
        named = [fault["file"] for fault in asked[role]["faults"]]
        assert one.corrupt in named and (one.missing is None or one.missing in named)
        assert f"{len(named)} fault{'s' * (len(named) > 1)} of the data" in page and one.corrupt in page
    assert "Runs without results" in page  # those of the experiment that were not run, each with its reason


def test_a_run_whose_data_is_missing_is_refused_before_anything_is_computed_and_a_hole_in_the_report(dry_run):
    dry_run("table1")
    shutil.rmtree("data/benchmarks/rare_concepts/tonometer")
    walk(["b32-moongate"])
    with pytest.raises(UserError, match="no folder for 1 of 1 classes: tonometer. It has: ") as refused:
        gather.main("b32-tonometer")
    assert str(refused.value).startswith("params.yaml: runs.b32-tonometer.target_data says")
    assert not paths.lesson("b32-tonometer").exists()
    page = Path("data/report/report.md").read_text()
    assert "## b32-moongate\n" in page and "Runs without results" in page
    assert str(refused.value) in page
