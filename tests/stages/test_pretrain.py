"""pretrain: the corpus, and a training of a few steps that survives a kill and that the family clip can load."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

import pytest
import torch
import torch.nn.functional as F

from stages import pretrain
from stages.models import clip
from stages.pretrain import augmented, drawn_corpus, untrained
from stages.pretraining.settings import MEAN, STD, VOCABULARY, Settings
from stages.pretraining.texts import embed_tokens, lexicon_tokens, tokenizer
from stages.world import corpus
from stages.world.textures import MATERIALS, texture
from tests.stages.models.tiny import run_for

SMALL = Settings(known=1, named=0, scenes=30, captions=2, steps=2, batch=8, lexicon_words=4)


@pytest.fixture(scope="module")
def drawn():
    for material in MATERIALS:
        texture(material, Random(0))  # painted once here, not once in every process
    return drawn_corpus(SMALL, 1)


@pytest.fixture
def few_words(monkeypatch, tmp_path):
    """A lexicon of 40 words, in a folder without the state of an earlier training."""
    monkeypatch.setattr(corpus, "_WORDS", corpus._NAMED + 40)
    monkeypatch.chdir(tmp_path)


def rows_of(tokens):
    """The rows of the token table that these tokens and the lexicon use, and where each token's row is."""
    used = torch.cat([tokens.flatten(), *(view.flatten() for view in lexicon_tokens(SMALL))]).unique().long()
    row_of = torch.zeros(VOCABULARY, dtype=torch.long)
    row_of[used] = torch.arange(len(used))
    return used, row_of


def test_the_corpus_has_pictures_and_tokens_of_every_kind(drawn):
    pictures, tokens = drawn
    assert pictures.shape == (58 + 30, 48, 48, 3) and pictures.dtype == torch.uint8
    assert tokens.shape[:2] == (88, 2) and tokens.dtype == torch.int32
    assert (tokens[..., 0] == 49406).all() and (tokens == 49407).sum() == 88 * 2  # each begins and ends
    assert (tokens[..., -1] != 0).any()  # cut to the longest


def test_the_corpus_does_not_depend_on_the_number_of_processes(monkeypatch, drawn):
    monkeypatch.setattr(pretrain, "tokenizer", lambda: lambda texts: torch.tensor([[len(t), 1] for t in texts]))
    many = replace(SMALL, known=18)  # more than one piece of a thousand
    one, two = drawn_corpus(many, 1), drawn_corpus(many, 2)
    assert len(one[0]) == 18 * 58 + 30
    assert all(torch.equal(first, second) for first, second in zip(one, two, strict=True))


def test_another_seed_draws_other_pictures(drawn):
    other, _ = drawn_corpus(replace(SMALL, seed=1), 1)
    assert not torch.equal(other, drawn[0])


def test_augmented_pictures_are_normalised_and_tinted_each_in_its_own_way():
    pictures = torch.full((200, 48, 48, 3), 127, dtype=torch.uint8)
    first, again, other = (augmented(pictures, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert first.shape == (200, 3, 48, 48)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(first, first[..., :1, :1].expand_as(first))  # what was flat stays flat
    tints = first[..., 0, 0]
    assert abs(tints.mean()) < 0.05 and tints.std().item() == pytest.approx(0.06 / 0.27, rel=0.15)


def test_augmented_pictures_are_moved_by_at_most_three_pixels():
    pictures = torch.zeros(2, 48, 48, 3, dtype=torch.uint8)
    pictures[:, 10, 20] = 255
    places = set()
    for seed in range(60):
        seen = augmented(pictures, torch.Generator().manual_seed(seed))[0].sum(0)
        brightest = (seen - seen.median()).abs().argmax().item()
        places.add(divmod(brightest, 48))
    assert {row for row, _ in places} == set(range(7, 14))
    assert {column for _, column in places} == {*range(17, 24), *range(24, 31)}  # as it was, or mirrored


def test_two_steps_move_the_model_the_same_way_each_time(few_words, drawn):
    used, row_of = rows_of(drawn[1])
    losses, models = [], []
    for _ in range(2):
        model = untrained(SMALL, len(used))
        losses.append([entry["loss"] for entry in pretrain.train(model, drawn, row_of, SMALL)])
        models.append(model.state_dict())
        pretrain.RESUME.unlink()
    assert losses[0] == losses[1] and len(losses[0]) == 1
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    start = untrained(SMALL, len(used)).state_dict()
    assert not torch.equal(start["visual.conv1.weight"], models[0]["visual.conv1.weight"])
    assert not torch.equal(start["token_embedding.weight"], models[0]["token_embedding.weight"])
    assert torch.equal(start["logit_scale"], models[0]["logit_scale"])


def test_a_state_goes_on_with_its_curve_and_other_settings_or_other_code_start_anew(few_words, drawn, monkeypatch):
    used, row_of = rows_of(drawn[1])
    model = untrained(SMALL, len(used))
    curve = list(pretrain.train(model, drawn, row_of, SMALL))
    again = untrained(SMALL, len(used))
    monkeypatch.setattr(pretrain, "augmented", None)  # so that no step can be made
    assert list(pretrain.train(again, drawn, row_of, SMALL)) == curve
    assert torch.equal(again.visual.conv1.weight, model.visual.conv1.weight)
    with pytest.raises(TypeError):
        list(pretrain.train(again, drawn, row_of, replace(SMALL, learning_rate=1e-3)))
    monkeypatch.setattr(pretrain.kept, "fingerprint", lambda *facts: "of other code")
    with pytest.raises(TypeError):
        list(pretrain.train(again, drawn, row_of, SMALL))


def test_the_shipped_weights_were_trained_with_the_settings_that_are_written_here():
    record = json.loads((Path(__file__).parents[2] / pretrain.WEIGHTS / "pretraining.json").read_text())
    assert record["settings"] == asdict(Settings())
    assert record["curve"][-1]["step"] == Settings().steps


def test_a_training_that_was_killed_ends_as_if_it_had_not_been(few_words, drawn, monkeypatch):
    used, row_of = rows_of(drawn[1])
    settings, keep = replace(SMALL, steps=4), pretrain._keep

    def trained():
        model = untrained(SMALL, len(used))
        list(pretrain.train(model, drawn, row_of, settings))
        return model.state_dict()

    unbroken = trained()
    pretrain.RESUME.unlink()
    seen = 0

    def kills(pictures, chance):
        nonlocal seen
        seen += 1
        if seen == 3:
            raise KeyboardInterrupt
        return augmented(pictures, chance)

    class EveryStep(torch.optim.AdamW):
        def step(self):
            super().step()
            self.made = getattr(self, "made", 0) + 1
            keep(model, self, self.made, settings, [])

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim, "AdamW", EveryStep)
        patch.setattr(pretrain, "augmented", kills)
        model = untrained(SMALL, len(used))
        with pytest.raises(KeyboardInterrupt):
            list(pretrain.train(model, drawn, row_of, settings))
    resumed = trained()
    assert all(torch.equal(unbroken[name], resumed[name]) for name in unbroken)


def test_what_is_saved_the_family_clip_loads_with_the_same_embeddings(few_words, drawn):
    used, row_of = rows_of(drawn[1])
    network = untrained(SMALL, len(used)).eval()
    pretrain.save(network, used, {"settings": {}})
    model = clip.load(run_for(pretrain.WEIGHTS))
    assert json.loads((pretrain.WEIGHTS / "pretraining.json").read_text()) == {"settings": {}}
    assert (model.image_size, model.fit.resize_mode) == (48, "shortest")
    texts = ["a photo of a kite", "a round opening in a wall"]
    with torch.no_grad():
        expected = embed_tokens(network, tokenizer()(texts), row_of)
        pixels = drawn[0][:4].permute(0, 3, 1, 2).float() / 255
        seen = F.normalize(network.encode_image((pixels - MEAN) / STD), dim=-1)
        torch.testing.assert_close(model.embed_images(pixels), seen, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.embed_texts(texts), expected, atol=1e-5, rtol=0)
