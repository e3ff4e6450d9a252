"""Masked words: which tokens are hidden and how they are shown, and the loss beside slow references."""

import math

import pytest
import torch
from transformers import ViltForMaskedLM

from stages.common.vocabulary import Vocabulary
from stages.losses.masked_words import IGNORED, masked, masked_words
from stages.models import vilt

MASK, N = 4, 1000
WORDS = Vocabulary(MASK, torch.arange(N) < 5, torch.arange(N) >= 900)  # 0 to 4 are special, 900 on go on with a word
TEXT = [2, 10, 900, 901, 11, 12, 902, 3, 0, 0]  # start, words of three, one and two tokens, end, twice padded
OF_WORD = [[1, 2, 3], [4], [5, 6]]


def draws(n, rate=0.15, text=TEXT, seed=0):
    """Tokens as they are shown and what is to be guessed, [n, L] each, of n copies of a text."""
    return masked(torch.tensor([text] * n), WORDS, rate, torch.Generator().manual_seed(seed))


def hidden_words(wanted):
    """[n, 3]: which words are hidden; each must be hidden with all its tokens or not at all."""
    hidden = wanted != IGNORED
    for places in OF_WORD:
        assert torch.equal(hidden[:, places].all(dim=1), hidden[:, places].any(dim=1))
    return torch.stack([hidden[:, places[0]] for places in OF_WORD], dim=1)


def test_words_are_hidden_with_all_of_their_tokens_and_the_special_ones_never():
    shown, wanted = draws(2000)
    tokens = torch.tensor(TEXT)
    assert hidden_words(wanted).any(dim=0).all()
    assert not (wanted != IGNORED)[:, WORDS.special[tokens]].any()
    is_kept = wanted == IGNORED
    assert torch.equal(shown[is_kept], tokens.expand_as(shown)[is_kept])
    assert torch.equal(wanted[~is_kept], tokens.expand_as(shown)[~is_kept])


def test_each_word_is_hidden_at_the_rate_and_one_at_least():
    """A word is hidden by its own chance r, or where none is, with (1 - r)^3, by lot: r + (1 - r)^3 / 3."""
    for rate in (0.15, 0.5):
        words = hidden_words(draws(20_000, rate)[1])
        assert words.any(dim=1).all()
        expected = rate + (1 - rate) ** 3 / 3
        assert words.float().mean(dim=0).tolist() == pytest.approx([expected] * 3, abs=0.015)


def test_at_a_rate_of_1_all_words_are_hidden_and_at_0_none():
    assert hidden_words(draws(5, 1.0)[1]).all()
    shown, wanted = draws(5, 0.0)
    assert (wanted == IGNORED).all() and torch.equal(shown, torch.tensor([TEXT] * 5))


def test_each_text_has_a_rate_of_its_own():
    _, wanted = draws(3, torch.tensor([0.0, 1.0, 0.0]))
    assert hidden_words(wanted).tolist() == [[False] * 3, [True] * 3, [False] * 3]


def test_a_hidden_token_is_shown_as_the_mask_as_another_or_as_itself():
    shown, wanted = draws(20_000, 1.0)
    hidden = wanted != IGNORED
    as_mask, as_itself = shown[hidden] == MASK, shown[hidden] == wanted[hidden]
    shares = [one.float().mean().item() for one in (as_mask, ~as_mask & ~as_itself, as_itself)]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    others = shown[hidden][~as_mask & ~as_itself]
    assert others.min() == 0 and others.max() == N - 1  # any token of the vocabulary


def test_a_text_without_words_has_nothing_to_guess():
    shown, wanted = draws(3, 0.5, text=[2, 1, 3, 0])
    assert (wanted == IGNORED).all() and torch.equal(shown, torch.tensor([[2, 1, 3, 0]] * 3))


def test_the_same_generator_hides_the_same_words_and_another_others():
    assert torch.equal(draws(50)[1], draws(50)[1])
    assert not torch.equal(draws(50)[1], draws(50, seed=1)[1])


def test_one_hidden_token_by_hand():
    """exp(0) / (exp(0) + exp(log 3)) = 1 / 4 for the token 0; the place beside it does not count."""
    logits = torch.tensor([[[0.0, math.log(3)], [5.0, -5.0]]])
    assert masked_words(logits, torch.tensor([[0, IGNORED]])).item() == pytest.approx(math.log(4))


def test_it_agrees_with_loops():
    logits = torch.randn(4, 10, N, generator=torch.Generator().manual_seed(1))
    _, wanted = draws(4, 0.5)
    numbers = []
    for text, tokens in zip(logits, wanted.tolist(), strict=True):
        for scores, token in zip(text, tokens, strict=True):
            if token != IGNORED:
                numbers.append(-math.log(scores[token].exp() / scores.exp().sum()))
    assert masked_words(logits, wanted).item() == pytest.approx(sum(numbers) / len(numbers), abs=1e-5)


def test_it_is_the_loss_of_transformers_for_the_same_labels(tiny_models):
    folder = tiny_models["vilt", "tied"]
    model, images = vilt.read(folder), torch.rand(2, 3, 32, 32)
    tokens = model.tokens_of(["two dogs on a street", "a lung, of an opacity on the left"])
    shown, wanted = masked(tokens, model.vocabulary, 0.5, torch.Generator().manual_seed(0))
    found = masked_words(model.masked_logits(images, shown), wanted)
    theirs = ViltForMaskedLM.from_pretrained(folder).eval()
    with torch.no_grad():
        inputs = {"input_ids": shown, "attention_mask": (tokens != 0).long(), "pixel_values": 2 * images - 1}
        expected = theirs(**inputs, labels=wanted).loss
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
