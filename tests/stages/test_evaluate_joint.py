"""evaluate: a run whose model is one joint encoder, asked pair by pair, with classes and with captions."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from stages import evaluate, finetune, invert
from stages.benchmarks import captioned_folder
from stages.common import params, paths
from stages.common.images import Fit, read_images
from stages.common.rows import read_rows
from stages.evaluation import asking, pair_scores
from stages.models import clip, vilt
from stages.models.vilt import Vilt
from tests.stages import whole_project
from tests.stages.models.tiny import run_for
from tests.stages.whole_project import change_params, contents

RECIPES = """\
      paper: {learning_rates: [1.01e-3, 1.04e-3]}
      replay: {learning_rates: [1.0e-3], epochs: 2}
"""
TAUGHT = "      matching: {learning_rates: [1.0e-3, 2.0e-3]}\n"
TOLD = """
  told:
    <<: *all
    concepts: [moongate]
    metrics: [top1, text_recall, image_recall]
    target_benchmark: captioned_folder
    target_data: told
"""
CAPTIONS = {
    f"{name}_{number}.png": [f"the {name} {letter}", f"a photo of {letter} on a {name}"]
    for name in ("arch", "kite")
    for number, letter in enumerate("abc")
}
LOADED = (captioned_folder, clip)  # before anything is scored: what is kept depends on all code that is loaded


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_models):
    """A project whose runs `both`, of classes, and `told`, of captions, are evaluated."""
    folder = tmp_path_factory.mktemp("joint")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        whole_project.in_processes(1, patch, invert, finetune, asking)
        whole_project.build(tiny_models["vilt", "b32"])
        change_params("family: clip", "family: vilt")
        change_params(RECIPES, TAUGHT)
        change_params("controls: [noise, wrong_description, no_name]", "controls: [noise]")
        Path("params.yaml").write_text(Path("params.yaml").read_text() + TOLD)
        whole_project.write_lesson("told", {"moongate": whole_project.CONCEPTS["moongate"]})
        _write_captions()
        for verb in (invert, finetune, evaluate):
            verb.main("both", "told")
    return folder


def _write_captions():
    Path("told").mkdir()
    for name in CAPTIONS:
        folder, _, file = name.partition("_")
        shutil.copy(Path("retention", folder, file), Path("told", name))
    Path("told/captions.json").write_text(json.dumps(CAPTIONS))


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of the finished project."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, asking)


@pytest.fixture
def scored(monkeypatch):
    """How many texts were asked of each picture."""
    counts, score = [], Vilt.scores
    monkeypatch.setattr(
        Vilt, "scores", lambda self, tokens, texts: counts.append(len(texts)) or score(self, tokens, texts)
    )
    return counts


def test_rows_are_those_of_any_run(finished):
    table = read_rows([finished / paths.rows("both")])
    per_model = 1 * (1 + 2) + 2 * (1 + 3)  # as for two encoders, in test_evaluate.py
    assert len(table) == (3 + 2 * 2 * 2) * per_model  # ways of asking; rates, settings and seeds
    assert set(table["setting"]) == {"name", "description", "name and description", "taught", "noise"}
    assert set(table[table["metric"] == "top1"]["chance"]) == {0.2}
    choice = json.loads((finished / paths.choice("both")).read_text())
    assert choice["matching"]["learning_rate"] in (1e-3, 2e-3)


def asked_by_hand(folder, names, model):
    """Labels and log-odds of the pictures of a folder of classes, worked with nothing of evaluate."""
    prompts = [f"a photo of {said}" for _, said in names]
    files = [(file, label) for label, (name, _) in enumerate(names) for file in sorted(Path(folder, name).glob("*"))]
    odds = torch.cat([model.similarity(read_images([file], Fit(32, patch=8)), prompts) for file, _ in files])
    return np.array([label for _, label in files]), odds.numpy()


NAMES = [("arch", "an arch"), ("traffic_light", "a traffic light"), ("kite", "a kite"), ("moongate", "a moongate")]
NAMES += [("tonometer", "a tonometer")]


@pytest.mark.parametrize("state", ["untouched", "taught"])
def test_values_are_those_of_the_models_own_similarity(project, tiny_models, state):
    model = vilt.load(run_for(tiny_models["vilt", "b32"], "vilt"))
    table = read_rows([paths.rows("both")])
    own = table[table["setting"] == "name"]
    if state == "taught":
        folder = paths.checkpoints("both")
        entry = json.loads((folder / "index.json").read_text())[0]
        model.load_state(load_file(folder / entry["file"]))
        own = table[(table["setting"] == "taught") & (table["seed"] == entry["seed"])]
        own = own[own["learning_rate"] == entry["learning_rate"]]
    own = own[(own["label"] == "all") & (own["metric"] == "top1")].set_index("role")["value"]
    for role in ("target", "retention"):
        labels, odds = asked_by_hand(role, NAMES, model)
        assert own[role] == pytest.approx((odds.argmax(axis=1) == labels).mean(), abs=1e-6)


def test_a_second_time_nothing_is_scored_and_the_bytes_are_the_same(project, scored):
    before = contents(Path("data/rows"))
    evaluate.main("both", "told")
    assert scored == []
    assert contents(Path("data/rows")) == before


def test_an_evaluation_that_was_killed_goes_on_with_the_shards_that_are_missing(project, scored, monkeypatch):
    before, score = contents(Path("data/rows")), Vilt.scores
    shutil.rmtree(paths.CACHE / "scored")
    monkeypatch.setattr(pair_scores, "SHARD", 2 * 5)  # two pictures with five names

    def killed(self, tokens, texts):
        if len(scored) == 20:
            raise KeyboardInterrupt
        return score(self, tokens, texts)

    with monkeypatch.context() as patch:
        patch.setattr(Vilt, "scores", killed)
        with pytest.raises(KeyboardInterrupt):
            evaluate.main("both")
    shards = list((paths.CACHE / "scored").rglob("*.npy"))
    assert len(shards) == 3 + 5 + 3 - 1  # of 6 and of 9 pictures all, and of 6 all but the last picture's
    scored.clear()
    evaluate.main("both")
    assert len(scored) == (3 + 2 * 2 * 2) * 15 - 19
    assert contents(Path("data/rows")) == before


def test_several_processes_give_the_same_bytes_as_one(project, monkeypatch):
    before = contents(Path("data/rows"))
    shutil.rmtree(paths.CACHE / "scored")
    monkeypatch.setattr(pair_scores, "SHARD", 2 * 5)
    whole_project.in_processes(2, monkeypatch, asking)
    evaluate.main("both")
    assert contents(Path("data/rows")) == before


def test_captions_are_asked_once_before_and_once_after_and_give_recalls(finished):
    table = read_rows([finished / paths.rows("told")])
    own = table[table["role"] == "target"]
    assert set(own["metric"]) == {f"{name}@{k}" for name in ("text_recall", "image_recall") for k in (1, 5)} | {
        "text_recall@10"
    }  # of six pictures ten cannot miss
    assert set(own["label"]) == {"all"} and set(own[own["metric"] == "text_recall@1"]["n"]) == {6}
    assert set(own[own["phase"] == "baseline"]["setting"]) == {"name"}
    assert set(table[table["role"] == "retention"]["metric"]) == {"top1"}
    facts = json.loads((finished / paths.benchmarks("told")).read_text())["target"]
    assert (facts["pictures"], facts["captions"], facts["task"]) == (6, 12, "retrieval")


def test_recalls_are_those_of_the_models_own_similarity(project, tiny_models):
    model = vilt.load(run_for(tiny_models["vilt", "b32"], "vilt"))
    texts = [text for own in CAPTIONS.values() for text in own]
    images = [read_images([Path("told", name)], Fit(32, patch=8)) for name in CAPTIONS]
    odds = torch.cat([model.similarity(image, texts) for image in images])
    text_hits = [odds[number].argmax().item() // 2 == number for number in range(6)]
    image_hits = [odds[:, number].argmax().item() == number // 2 for number in range(12)]
    table = read_rows([paths.rows("told")])
    own = table[table["setting"] == "name"].set_index("metric")["value"]
    assert own["text_recall@1"] == pytest.approx(np.mean(text_hits), abs=1e-6)
    assert own["image_recall@1"] == pytest.approx(np.mean(image_hits), abs=1e-6)


def test_a_prefilter_is_off_unless_asked_for_and_is_named_beside_the_numbers(project, tiny_models, scored):
    for role in ("target", "retention"):
        assert "prefilter" not in json.loads(paths.benchmarks("both").read_text())[role]
    quick = {"keep": 1, "family": "clip", "weights": str(tiny_models["clip", "resnet"])}
    change_params("candidates: all", f"candidates: {json.dumps(quick)}")
    evaluate.main("both")
    facts = json.loads(paths.benchmarks("both").read_text())
    assert [facts[role]["prefilter"] for role in ("target", "retention")] == [quick, quick]
    assert facts["settings"]["candidates"] == quick == params.load().run("both").candidates
    pairs = (3 + 2 * 2 * 2) * 15 * 5
    assert 11 * 15 <= sum(scored) < pairs / 2  # a picture's nearest, and the pictures nearest to each of five names
