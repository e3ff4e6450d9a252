"""The tiny CLIP: a training of a few steps, and weights that the family clip can load."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from stages.models import clip as family
from stages.pretraining import clip, training
from stages.pretraining.clip import MEAN, STD, Settings
from stages.pretraining.texts import embed_tokens, tokenizer
from stages.world import corpus
from tests.stages.models.tiny import run_for

SMALL = Settings(known=1, named=0, scenes=30, captions=2, steps=2, batch=8, lexicon_words=4)


@pytest.fixture(scope="module")
def drawn():
    return clip.drawn_corpus(SMALL, 1)


@pytest.fixture
def few_words(monkeypatch, tmp_path):
    """A lexicon of 40 words, in a folder without the state of an earlier training."""
    monkeypatch.setattr(corpus, "_WORDS", corpus._NAMED + 40)
    monkeypatch.chdir(tmp_path)


def test_the_corpus_has_pictures_and_tokens_of_every_kind(drawn):
    pictures, tokens = drawn
    assert pictures.shape == (58 + 30, 48, 48, 3) and pictures.dtype == torch.uint8
    assert tokens.shape[:2] == (88, 2) and tokens.dtype == torch.int32
    assert (tokens[..., 0] == 49406).all() and (tokens == 49407).sum() == 88 * 2  # each begins and ends
    assert (tokens[..., -1] != 0).any()  # cut to the longest


def test_two_steps_move_the_model_the_same_way_each_time(few_words, drawn):
    losses, states = [], []
    for _ in range(2):
        task = clip.task_of(SMALL, drawn, "cpu")
        start = {name: value.clone() for name, value in task.network.state_dict().items()}
        losses.append([entry["loss"] for entry in training.train(task)])
        states.append(task.network.state_dict())
        training.state_of("tiny_clip").unlink()
    assert losses[0] == losses[1] and len(losses[0]) == 1
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(start["visual.conv1.weight"], states[0]["visual.conv1.weight"])
    assert not torch.equal(start["token_embedding.weight"], states[0]["token_embedding.weight"])
    assert torch.equal(start["logit_scale"], states[0]["logit_scale"])


def test_the_shipped_weights_were_trained_with_the_settings_that_are_written_here():
    record = json.loads((Path(__file__).parents[3] / clip.WEIGHTS / "pretraining.json").read_text())
    assert record["settings"] == asdict(Settings())
    assert record["curve"][-1]["step"] == Settings().steps


def test_what_is_saved_the_family_clip_loads_with_the_same_embeddings(few_words, drawn):
    task = clip.task_of(SMALL, drawn, "cpu")
    network = task.network.eval()
    task.save({"settings": {}})
    model = family.load(run_for(clip.WEIGHTS))
    assert json.loads((clip.WEIGHTS / "pretraining.json").read_text()) == {"settings": {}}
    assert (model.image_size, model.fit.resize_mode) == (48, "shortest")
    texts = ["a photo of a kite", "a round opening in a wall"]
    with torch.no_grad():
        expected = embed_tokens(network, tokenizer()(texts), task.row_of)
        pixels = drawn[0][:4].permute(0, 3, 1, 2).float() / 255
        seen = F.normalize(network.encode_image((pixels - MEAN) / STD), dim=-1)
        torch.testing.assert_close(model.embed_images(pixels), seen, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.embed_texts(texts), expected, atol=1e-5, rtol=0)
