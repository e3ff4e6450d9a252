"""Texts of pre-training: the loss, the text tower without padding, and the lexicon."""

import math

import pytest
import torch
import torch.nn.functional as F

from stages.pretraining.clip import VOCABULARY, Settings, untrained
from stages.pretraining.texts import cut, embed_by_length, embed_tokens, lexicon_tokens, symmetric_loss, tokenizer
from stages.world import corpus


def test_the_symmetric_loss_is_cross_entropy_in_both_directions():
    first, second = (F.normalize(torch.randn(5, 3, generator=torch.Generator().manual_seed(s)), dim=1) for s in (0, 1))
    logits, right = 7 * first @ second.T, torch.arange(5)
    expected = (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
    assert symmetric_loss(first, second, 7.0, torch.eye(5)).item() == pytest.approx(expected.item(), abs=1e-6)


def test_equal_texts_are_no_negatives_of_each_other():
    same = torch.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])
    embedded = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    # two rows split their probability evenly over two texts: log 2 is the least that a loss can give them
    assert symmetric_loss(embedded, embedded, 50.0, same).item() == pytest.approx(2 / 3 * math.log(2))
    assert symmetric_loss(embedded, embedded.flip(0), 50.0, same).item() > 10


def test_a_short_text_embeds_as_in_open_clip():
    network = untrained(Settings(), VOCABULARY).eval()
    whole = tokenizer()(["a kite", "a photo of a kite", "a round opening in a wall of brick", "stars", "a red disk"])
    tokens = cut(whole)
    assert tokens.shape[1] < 15 < whole.shape[1]
    with torch.no_grad():
        expected = network.encode_text(whole, normalize=True)
        ours = embed_tokens(network, tokens, torch.arange(VOCABULARY))
        halves = embed_by_length(network, tokens, torch.arange(VOCABULARY))
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(halves, expected, atol=1e-5, rtol=0)


def words(tokens):
    """The tokens of a text without start, end and padding."""
    return tokens[tokens != 0].tolist()[1:-1]


def test_the_lexicon_has_three_views_of_every_word(monkeypatch):
    monkeypatch.setattr(corpus, "_WORDS", corpus._NAMED + 40)
    name, definition, description = lexicon_tokens(0)
    assert len(name) == len(definition) == len(description) == 40
    for view, whole in zip(description, definition, strict=True):
        assert words(whole)[-len(words(view)) :] == words(view)  # "a X is D" ends with D
    said = [set(words(view)) & set(words(whole)) for view, whole in zip(name, definition, strict=True)]
    assert all(said) and len({tuple(words(view)) for view in name}) == 40
