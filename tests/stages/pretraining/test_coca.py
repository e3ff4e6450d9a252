"""The tiny CoCa: read as open_clip reads it, a training of a few steps, and weights that the family coca can load."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from stages.models import coca as family
from stages.pretraining import coca, training
from stages.pretraining.clip import MEAN, STD
from stages.pretraining.clip import WEIGHTS as TINY_CLIP
from stages.pretraining.coca import Settings, padded
from stages.pretraining.texts import tokenizer
from stages.pretraining.trained import model_in
from stages.world import corpus
from tests.stages.models.tiny import run_for

ROOT = Path(__file__).parents[3]
TEXTS = ["a photo of a kite", "a round opening in a wall", "a kite is a bright diamond on a string, made with care"]
SMALL = Settings(steps=2, batch=4, hinted=1, words=2)


@pytest.fixture
def task(monkeypatch, tmp_path):
    """A training on ten noise pictures, each with the three TEXTS."""
    monkeypatch.setattr(corpus, "_WORDS", corpus._NAMED + 40)
    monkeypatch.setattr(coca, "digest", lambda path: "the tiny CLIP")
    monkeypatch.setattr(coca, "model_in", lambda path: model_in(ROOT / TINY_CLIP))
    monkeypatch.chdir(ROOT)  # model_in reads params.yaml
    chance = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (10, 48, 48, 3), generator=chance).to(torch.uint8)
    tokens = tokenizer()(TEXTS).int()[:, :24].expand(10, -1, -1)
    made = coca.task_of(SMALL, pictures, tokens)
    monkeypatch.chdir(tmp_path)
    return made


def test_short_texts_are_read_and_written_as_open_clip_does_with_all_the_padding(task):
    network, whole = task.network.eval(), tokenizer()(TEXTS)[:, :76]
    images = torch.rand(3, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network.coca(images, task.row_of[whole])
        _, seen, _ = network.look(images)
        rows = task.row_of[padded(whole)]
        embedded, states = network.read(rows)
        scores = network.write(seen, states[:, :-2])
    torch.testing.assert_close(F.normalize(embedded, dim=-1), expected["text_features"], atol=1e-5, rtol=0)
    is_word = rows[:, 1:-1] != 0
    torch.testing.assert_close(scores[is_word], expected["logits"][:, : scores.shape[1]][is_word], atol=1e-4, rtol=0)


def test_the_captioning_loss_is_the_mean_over_all_tokens(task):
    _, shown = task.losses(5, torch.arange(4), torch.Generator().manual_seed(3))
    chance = torch.Generator().manual_seed(3)
    plain = coca.moved(task.pictures[:4], chance)
    tokens = task.tokens[torch.arange(4), torch.randint(3, (4,), generator=chance)]
    images, lost = coca.tinted(plain, chance, MEAN, STD), []
    with torch.no_grad():
        for image, own in zip(images, tokens, strict=True):
            rows = task.row_of[F.pad(own, (0, 76 - len(own))).long()][None]
            logits = task.network.coca(image[None], rows)["logits"][0]
            lost += [F.cross_entropy(logits[i], rows[0, i + 1]) for i in range(75) if rows[0, i + 1] != 0]
    assert shown["captioning"].item() == pytest.approx(torch.stack(lost).mean().item(), abs=1e-4)


def test_hints_are_asked_for_in_the_first_steps_alone(task):
    first, later = (task.losses(step, torch.arange(4), torch.Generator().manual_seed(0))[1] for step in (0, 1))
    assert first.keys() - later.keys() == {"layer2", "layer3"}


def test_two_steps_move_the_model_the_same_way_each_time(task):
    start = {name: value.clone() for name, value in task.network.state_dict().items()}
    states, losses = [], []
    for _ in range(2):
        task.network.load_state_dict(start)
        losses.append([*training.train(task)])
        states.append({name: value.clone() for name, value in task.network.state_dict().items()})
        training.state_of("tiny_coca").unlink()
    assert losses[0] == losses[1] and len(losses[0]) == 1
    assert all(torch.equal(states[0][name], states[1][name]) for name in start)
    for name in ("coca.visual.conv1.weight", "coca.text.cls_emb", "coca.text_decoder.text_projection"):
        assert not torch.equal(start[name], states[0][name]), name
    assert torch.equal(start["coca.logit_scale"], states[0]["coca.logit_scale"])


def test_what_is_saved_the_family_coca_loads_with_the_same_embeddings_and_scores(task):
    decoder = task.network.coca.text_decoder
    decoder.ln_final.bias.data.normal_(generator=torch.Generator().manual_seed(2))  # which training would move
    task.network.eval()
    task.save({"settings": {}})
    model = family.load(run_for(coca.WEIGHTS, "coca"))
    images, rows = torch.rand(3, 3, 48, 48), task.row_of[padded(tokenizer()(TEXTS)[:, :76])]
    with torch.no_grad():
        looked, seen, _ = task.network.look((images - MEAN) / STD)
        embedded, states = task.network.read(rows)
        torch.testing.assert_close(model.embed_images(images), F.normalize(looked, dim=-1), atol=1e-5, rtol=0)
        torch.testing.assert_close(model.embed_texts(TEXTS), F.normalize(embedded, dim=-1), atol=1e-5, rtol=0)
        scores = model.caption_logits(model.seen(images), model.caption_tokens(TEXTS))
        expected = task.network.write(seen, states[:, : scores.shape[1]])
    torch.testing.assert_close(scores[0, :5, task.used.long()], expected[0, :5], atol=1e-3, rtol=0)


def test_the_shipped_weights_were_trained_with_the_settings_that_are_written_here():
    record = json.loads((ROOT / coca.WEIGHTS / "pretraining.json").read_text())
    assert record["settings"] == asdict(Settings())
    assert record["curve"][-1]["step"] == Settings().steps
