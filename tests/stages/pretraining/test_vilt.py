"""The tiny ViLT: what it is drawn, both phases of its training, and weights that transformers loads."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from transformers import ViltForMaskedLM

from stages.models import vilt as family
from stages.pretraining import training, vilt, vilt_pairs, vilt_sight
from stages.pretraining.vilt import Settings
from stages.pretraining.vilt_network import TRAINING_ONLY
from stages.pretraining.vilt_words import tokens_of
from stages.world.corpus import kinds
from tests.stages.models.tiny import run_for
from tests.stages.pretraining.vilt_lesson import SMALL, Teacher


@pytest.fixture(scope="module")
def lesson():
    """The corpus and the teacher, as `prepared` makes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vilt, "model_in", lambda folder: None)
        patch.setattr(vilt, "Teacher", Teacher)
        sight, pairs = vilt.prepared(SMALL, 1, "cpu")
    assert sight.network is pairs.network and sight.pictures is pairs.pictures
    return pairs.corpus, pairs.teacher


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vilt, "digest", lambda path: "of the tiny CLIP")


def test_everything_is_drawn_and_read(lesson):
    task, _ = lesson
    assert task.pictures.shape == (88, 48, 48, 3) and task.tokens.shape[:2] == (88, 2)
    assert len(task.words) == len(set(task.words)) == 400
    starts, ends = (task.words.index(word) for word in ("[CLS]", "[SEP]"))
    assert (task.tokens[..., 0] == starts).all() and (task.tokens == ends).sum() == 88 * 2
    assert task.words[0] == "[PAD]" and not (task.tokens == task.words.index("[UNK]")).any()


def test_pictures_of_one_name_are_a_group_and_every_scene_is_alone():
    plan = [("known", "kite"), ("scene", ""), ("known", "kite"), ("named", "kite"), ("scene", ""), ("known", "cup")]
    groups = vilt.groups_of(plan).tolist()
    assert groups[0] == groups[2] and len(set(groups)) == 5
    assert len(vilt.groups_of(kinds(1, 1, 2))) == 58 + 600 + 2


def test_two_steps_of_each_phase_move_the_model_the_same_way_each_time(lesson):
    found = []
    for _ in range(2):
        tasks = vilt.phases(SMALL, *lesson)
        assert [task.seeds for task in tasks] == [0, 7_000_003]
        start = {name: value.clone() for name, value in tasks[0].network.state_dict().items()}
        curve = list(training.train_all(tasks))
        for task in tasks:
            training.state_of(task.name).unlink()
        found.append((curve, tasks[0].network.state_dict()))
    first, last = found[0][0]
    assert found[0][0] == found[1][0] and (first["step"], last["step"]) == (2, 4)
    assert first.keys() == {"step", *vilt_sight.SHARES} and last.keys() == {"step", *vilt_pairs.SHARES}
    assert all(torch.equal(found[0][1][name], value) for name, value in found[1][1].items())
    assert not any(torch.equal(start[f"{head}.weight"], found[0][1][f"{head}.weight"]) for head in TRAINING_ONLY)


def test_a_finished_first_phase_is_not_trained_again(lesson, monkeypatch):
    sight, _ = vilt.phases(SMALL, *lesson)
    curve = list(training.train(sight))
    again, pairs = vilt.phases(SMALL, *lesson)
    monkeypatch.setattr(vilt_sight.Sight, "losses", None)
    assert list(training.train(again)) == curve
    assert torch.equal(pairs.network.hint2.weight, sight.network.hint2.weight)


def test_what_is_saved_the_family_vilt_and_transformers_load(lesson):
    _, pairs = vilt.phases(SMALL, *lesson)
    pairs.save({"settings": {}})
    names = {"config.json", "model.safetensors", "vocab.txt", "pretraining.json"}
    assert {file.name for file in vilt.WEIGHTS.iterdir()} == names
    config = json.loads((vilt.WEIGHTS / "config.json").read_text())
    assert config["architectures"] == ["ViltForMaskedLM"] and config["model_type"] == "vilt"
    model = family.load(run_for(vilt.WEIGHTS, "vilt"))
    own = {name: value for name, value in pairs.network.state_dict().items() if name.split(".")[0] not in TRAINING_ONLY}
    assert own.keys() == model.network.state_dict().keys()
    assert all(torch.equal(own[name], value) for name, value in model.network.state_dict().items())
    texts = ["a photo of a kite", "a round opening in a wall"]
    assert torch.equal(model.tokens_of(texts), tokens_of(texts, pairs.corpus.words).long())
    loaded, told = ViltForMaskedLM.from_pretrained(vilt.WEIGHTS, output_loading_info=True)
    assert not told["missing_keys"] and set(told["unexpected_keys"]) <= {"itm_score.fc.weight", "itm_score.fc.bias"}
    assert torch.equal(loaded.mlm_score.decoder.weight, own["mlm_score.decoder.weight"])


def test_the_shipped_weights_were_trained_with_the_settings_that_are_written_here():
    folder = Path(__file__).parents[3] / vilt.WEIGHTS
    record = json.loads((folder / "pretraining.json").read_text())
    assert record["settings"] == asdict(Settings())
    steps = Settings().sight.steps + Settings().pairs.steps
    assert [entry["step"] for entry in record["curve"]] == list(range(100, steps + 1, 100))
    assert record["curve"][0].keys() == {"step", *vilt_sight.SHARES}
    assert record["curve"][-1].keys() == {"step", *vilt_pairs.SHARES}
