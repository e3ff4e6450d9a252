"""pretrain: from drawing to a folder of weights with its record, for each tiny model."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from stages import pretrain
from stages.pretraining import training


@dataclass(frozen=True)
class Settings:
    steps: int = 200
    batch: int = 2
    learning_rate: float = 1e-2
    weight_decay: float = 0.0


class Tiny:
    """What a module of stages/pretraining offers, and its task in one."""

    Settings = Settings
    warm_up, floor, facts, seeds = 10, 0.0, (), 0

    def __init__(self, name):
        self.name, self.settings, self.network = name, Settings(), nn.Linear(3, 2)
        self.pictures = torch.randint(0, 256, (5, 6, 6, 3), dtype=torch.uint8)
        self.phases = (self,) if name == "tiny_clip" else (Tiny("tiny_clip"), self)

    def prepared(self, settings, workers, device):
        self.asked = settings, workers, device
        return self.phases

    def losses(self, step, rows, chance):
        loss = self.network(self.pictures[rows].float().mean((1, 2))).square().mean()
        return loss, {"loss": loss}

    def save(self, record):
        Path("record.json").write_text(json.dumps(record))


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    models = {name: Tiny(name) for name in pretrain.TINY}
    monkeypatch.setattr(pretrain, "TINY", models)
    return models


@pytest.mark.parametrize("name", ["tiny_clip", "tiny_vilt", "tiny_coca"])
def test_a_model_is_drawn_for_trained_and_saved_with_its_record(tiny, monkeypatch, name, capsys):
    monkeypatch.setattr(pretrain, "commit", lambda: "abc")
    pretrain.main(name, "--workers", "3")
    assert tiny[name].asked == (Settings(), 3, "cpu")
    record = json.loads(Path("record.json").read_text())
    assert record["settings"]["steps"] == 200 and record["commit"] == "abc"
    steps = [100, 200] if name == "tiny_clip" else [100, 200, 300, 400]
    assert [entry["step"] for entry in record["curve"]] == steps
    assert f"step {steps[-1]}, loss" in capsys.readouterr().out
    assert not list(training.STATES.glob("*"))  # they are done with


def test_a_word_that_is_no_tiny_model_is_refused_with_those_there_are(capsys):
    with pytest.raises(SystemExit):
        pretrain.main("tiny_medclip")
    told = capsys.readouterr().err
    assert "tiny_medclip" in told and all(name in told for name in pretrain.TINY)


def test_every_tiny_model_has_what_the_verb_needs():
    for name, module in pretrain.TINY.items():
        assert Path("data/weights", name) == module.WEIGHTS
        assert callable(module.prepared)
        settings = module.Settings()
        phases = [settings.sight, settings.pairs] if name == "tiny_vilt" else [settings]
        assert all(phase.steps % 100 == 0 for phase in phases)  # as the progress counts them
