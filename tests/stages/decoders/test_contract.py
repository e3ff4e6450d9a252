"""Every decoder keeps the promises of stages/decoders/contract.py; a new file is held to them at once."""

import pytest
import torch

from stages.common import lookup
from stages.common.decoding import Settings, settings_of
from stages.common.failures import UserError
from stages.decoders import contract
from stages.decoders.contract import captions
from tests.stages.decoders.sentences import IMAGES, images, writer

NAMES = lookup.names("stages.decoders")
WHERE = "params.yaml: runs.together.decoding"


@pytest.fixture
def model(tiny_models):
    return writer(tiny_models["coca", "patches"], eager=6.0)


def test_the_folder_holds_the_known_decoders():
    assert {"greedy", "beam", "published"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_begins_ends_and_is_as_long_as_it_may_be(model, name):
    settings = Settings(name, 3, 4, 8)
    tokens = lookup.find("stages.decoders", name, "a test").decode(model, model.seen(images()), settings)
    assert tokens.dtype == torch.int64 and tokens.shape[0] == IMAGES and tokens.shape[1] <= 8
    assert (tokens[:, 0] == model.start).all()
    for row in tokens.tolist():
        assert model.end not in row[:4]
        assert model.end not in row or not any(row[row.index(model.end) + 1 :])


@pytest.mark.parametrize("name", NAMES)
def test_a_caption_does_not_depend_on_what_else_is_in_its_batch(model, name, monkeypatch):
    settings = Settings(name, 3, 3, 8)
    together = captions(model, images(), settings)
    assert len(set(together)) > 1 and together == [one.strip() for one in together]
    monkeypatch.setattr(contract, "BATCH", 4)
    assert captions(model, images(), settings) == together
    assert [captions(model, image[None], settings) for image in images()] == [[one] for one in together]
    assert captions(model, images().flip(0), settings) == together[::-1]


@pytest.mark.parametrize("name", NAMES)
def test_every_image_is_encoded_once(model, name, monkeypatch):
    looked, look = [], type(model).seen
    monkeypatch.setattr(type(model), "seen", lambda self, images: looked.append(len(images)) or look(self, images))
    captions(model, images(), Settings(name, 3, 3, 6))
    assert looked == [IMAGES]


def test_sentences_longer_than_the_model_can_write_are_refused(model):
    with pytest.raises(UserError, match="max_length is 77, but this model writes at most 76 tokens"):
        captions(model, images(), Settings(max_length=77))


def test_a_run_that_says_nothing_has_the_settings_of_open_clip():
    assert settings_of({}, WHERE) == Settings("beam", beams=6, min_length=5, max_length=30)
    assert settings_of({"method": "greedy", "max_length": 20}, WHERE) == Settings("greedy", max_length=20)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"method": "greddy"}, r"decoding.method says 'greddy', .*Did you mean 'greedy'"),
        ({"beem": 3}, r"decoding.beem is no key .*Did you mean 'beams'"),
        ({"beams": "six"}, r"decoding.beams .*a whole number"),
        ({"beams": 0}, "decoding: beams must be at least 1, but is 0"),
        ({"min_length": 9, "max_length": 9}, "must be at least 1 and below max_length, but they are 9 and 9"),
        ({"min_length": 0}, "but they are 0 and 30"),
        ({"method": "published", "beams": 4}, "beams must be a multiple of 3 for method published, but is 4"),
    ],
)
def test_what_cannot_be_kept_is_told_with_its_place(said, told):
    with pytest.raises(UserError, match=told):
        settings_of(said, WHERE)
