"""The family vilt: beside transformers' own modules, what it keeps of texts, which tensors are its parts."""

import pytest
import torch
import torch.nn.functional as F
from transformers import BertTokenizer, ViltConfig, ViltModel

from stages.common.images import Fit, fit_images
from stages.models import vilt
from tests.stages.models.tiny import VILT, published_vilt, refused, run_for

TEXTS = ["a cat", "two dogs on a long grey street, left of a photo", "lung opacity"]


@pytest.fixture
def model(tiny_models):
    return vilt.read(tiny_models["vilt", "b32"])


def some(n=3, height=32, width=32):
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(1))


def theirs(folder, images, texts):
    """What transformers' encoder says of image i with text i, every text padded to the longest that is allowed.

    Returns:
        Its last states [B, 40 + 1 + patches, H] and the matching head's [B, 2] of the pooled ones.
    """
    state, encoder = published_vilt(), ViltModel(ViltConfig(**VILT)).eval()
    encoder.load_state_dict(
        {name.removeprefix("vilt."): state[name] for name in state if name.startswith("vilt.")}, strict=False
    )
    inputs = BertTokenizer.from_pretrained(folder)(texts, padding="max_length", max_length=40, return_tensors="pt")
    found = encoder(input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, pixel_values=(images - 0.5) / 0.5)
    return found.last_hidden_state, F.linear(
        found.pooler_output, state["itm_score.fc.weight"], state["itm_score.fc.bias"]
    )


SIZES = [(32, 32), (32, 48), (64, 24), (16, 16)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_matching_is_that_of_transformers_at_any_size_of_whole_patches(model, tiny_models, size):
    images = some(3, *size)
    with torch.no_grad():
        _, expected = theirs(tiny_models["vilt", "b32"], images, TEXTS)
        torch.testing.assert_close(model.matching_logits(images, TEXTS), expected, atol=1e-5, rtol=0)
    assert expected.std(dim=0).min() > 0.1


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_scores_of_all_pairs_are_those_of_transformers(model, tiny_models, size):
    images = some(2, *size)
    for place, text in enumerate(TEXTS):
        with torch.no_grad():
            _, logits = theirs(tiny_models["vilt", "b32"], images, [text] * 2)
        found = model.similarity(images, TEXTS)[:, place]
        torch.testing.assert_close(found, logits[:, 1] - logits[:, 0], atol=1e-5, rtol=0)


def test_guessed_words_are_those_of_transformers_states_and_the_published_head(model, tiny_models):
    state, tokens = published_vilt(), model.tokens_of(TEXTS)
    states, _ = theirs(tiny_models["vilt", "b32"], some(), TEXTS)
    dense = F.gelu(
        F.linear(
            states[:, : tokens.shape[1]],
            state["mlm_score.transform.dense.weight"],
            state["mlm_score.transform.dense.bias"],
        )
    )
    normed = F.layer_norm(dense, dense.shape[-1:], eps=1e-12)
    expected = F.linear(normed, state["mlm_score.decoder.weight"], state["mlm_score.bias"])
    found = model.masked_logits(some(), tokens)
    torch.testing.assert_close(found[tokens != 0], expected[tokens != 0], atol=1e-4, rtol=1e-5)


def test_the_inversion_loss_is_the_cross_entropy_of_a_match_and_its_gradient_that_of_transformers(model, tiny_models):
    gradients = []
    for ours in (True, False):
        images = some().requires_grad_()
        if ours:
            loss = model.inversion_loss(images, model.inversion_target(TEXTS))
        else:
            _, logits = theirs(tiny_models["vilt", "b32"], images, TEXTS)
            loss = F.cross_entropy(logits, torch.ones(3, dtype=torch.long), reduction="none")
        gradients.append([loss, *torch.autograd.grad(loss.sum(), images)])
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_a_target_that_is_padded_beyond_its_text_gives_the_same_loss(model):
    alone, beside = model.inversion_target(TEXTS[:1]), model.inversion_target(TEXTS)[:1]
    assert beside.shape[1] > alone.shape[1]
    torch.testing.assert_close(model.inversion_loss(some(), beside), model.inversion_loss(some(), alone))


def test_an_image_of_broken_patches_is_brought_to_the_models_own_size(model):
    images = some(2, 50, 37)
    expected = model.similarity(fit_images(images, Fit(32)), TEXTS)
    torch.testing.assert_close(model.similarity(images, TEXTS), expected)
    assert model.image_tokens(some(2, 48, 40)).shape[1] == 1 + 6 * 5


def test_pictures_are_learned_from_as_squares_and_asked_about_in_their_own_shape(model):
    assert (model.fit, model.whole) == (Fit(32), Fit(32, patch=8))
    assert (model.image_size, model.context_length) == (32, 40)


def test_pairs_in_parts_have_the_scores_that_they_have_at_once(model, monkeypatch):
    at_once = model.similarity(some(), TEXTS)
    monkeypatch.setitem(vilt.PAIRS, "cpu", 2)
    torch.testing.assert_close(model.similarity(some(), TEXTS), at_once, atol=1e-5, rtol=0)


@pytest.fixture
def read(model, monkeypatch):
    """Grows with each text that is embedded."""
    counted, embed = [], model.network.text_states
    monkeypatch.setattr(model.network, "text_states", lambda tokens: counted.append(len(tokens)) or embed(tokens))
    return counted


def test_a_text_is_embedded_once_for_all_images_until_the_weights_change(model, read):
    tokens = model.image_tokens(some())
    first = model.scores(tokens, [*TEXTS, TEXTS[0]])
    assert torch.equal(model.scores(tokens, TEXTS), first[:, :3]) and sum(read) == 3
    name = next(iter(model.parameters_of("text_encoder")))
    model.load_state(model.state([name]))
    assert model.scores(tokens, TEXTS) is not None and sum(read) == 3  # nothing has changed
    model.load_state({name: model.state([name])[name] * 2})
    assert not torch.equal(model.scores(tokens, TEXTS), first[:, :3]) and sum(read) == 6


def test_nothing_is_kept_of_texts_while_their_embeddings_are_trained(model, read):
    tokens = model.image_tokens(some())
    model.scores(tokens, TEXTS)
    for parameter in model.parameters_of("text_encoder").values():
        parameter.requires_grad_(True)
    for _ in range(2):
        assert model.scores(tokens, TEXTS).requires_grad
    assert sum(read) == 9


def test_texts_are_lower_cased_and_cut_after_40_tokens(model):
    assert torch.equal(model.similarity(some(), ["Left LUNG"]), model.similarity(some(), ["left lung"]))
    long = "lung " * 38
    assert model.token_count(long) == 40 and model.token_count(long + "heart") == 41
    assert torch.equal(model.similarity(some(), [long + "heart"]), model.similarity(some(), [long + "opacity"]))


def test_parts_are_embeddings_of_text_and_all_else_that_pairs_go_through(model):
    text = "vilt.embeddings.text_embeddings."
    assert {name.startswith(text) for name in model.parameters_of("text_encoder")} == {True}
    assert {name.startswith(text) for name in model.parameters_of("visual_encoder")} == {False}
    assert {"vilt.embeddings.cls_token", "mlm_score.decoder.weight"} <= model.parameters_of("visual_encoder").keys()
    head = {f"{name}.{kind}" for name in ("vilt.layernorm", "vilt.pooler.dense") for kind in ("weight", "bias")}
    assert model.parameters_of("head").keys() == head | {"itm_score.fc.weight", "itm_score.fc.bias"}
    last = model.parameters_of("last_stage").keys() - model.parameters_of("head").keys()
    assert last and all(name.startswith("vilt.encoder.layer.2.") for name in last)


def test_words_that_are_guessed_by_their_embeddings_count_as_text_alone(tiny_models):
    model = vilt.read(tiny_models["vilt", "tied"])
    assert vilt.TIED not in model.parameters_of("both")
    assert "mlm_score.decoder.bias" in model.parameters_of("visual_encoder")


def test_the_vocabulary_knows_words_their_ends_and_what_is_no_word(model):
    numbers = dict(zip(model.tokenizer.convert_ids_to_tokens(range(len(model.tokenizer))), range(9999), strict=False))
    for word, special, continues in (("[PAD]", True, False), ("cat", False, False), ("##ly", False, True)):
        assert bool(model.vocabulary.special[numbers[word]]) == special
        assert bool(model.vocabulary.continues[numbers[word]]) == continues
    assert model.vocabulary.mask == numbers["[MASK]"]
    assert int(model.vocabulary.special.sum()) == 5


@pytest.mark.parametrize("field", ["architecture", "pretrained"])
def test_a_run_that_names_an_architecture_or_a_tag_is_refused(tiny_models, field):
    told = refused(run_for(tiny_models["vilt", "b32"], "vilt", **{field: "b32"}))
    assert f"runs.tiny.{field} says 'b32', but a ViLT's folder says all: null" in told


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a GPU that is there")
def test_a_missing_gpu_is_told(tiny_models):
    assert "device says 'cuda'" in refused(run_for(tiny_models["vilt", "b32"], "vilt", device="cuda"))
