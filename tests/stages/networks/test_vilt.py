"""ViLT's network: names of older and other files, how words are guessed, and what is told of a folder that fails."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import ViltForMaskedLM

from stages.common.failures import UserError
from stages.models import vilt as family
from stages.networks import vilt
from stages.networks.vilt import TIED, WORDS, load_vilt
from tests.stages.models.tiny import VILT, VOCABULARY, published_vilt


@pytest.fixture
def folder(tiny_models, tmp_path):
    """A copy of the tiny ViLT in the published layout."""
    return shutil.copytree(tiny_models["vilt", "b32"], tmp_path / "vilt")


def write(folder, state):
    torch.save(state, folder / vilt.PUBLISHED)


def told(folder):
    """The one line that tells why a folder cannot be loaded."""
    with pytest.raises(UserError) as failure:
        load_vilt(folder)
    assert "\n" not in str(failure.value)
    return str(failure.value)


def test_the_published_tensors_are_in_the_network_as_they_are(folder):
    state, found = published_vilt(), load_vilt(folder)[0].state_dict()
    left_out = {"mlm_score.bias", "vilt.embeddings.text_embeddings.position_ids"}
    assert found.keys() == state.keys() - left_out
    assert all(torch.equal(found[name], state[name]) for name in found)


@pytest.mark.parametrize("kind", ["weight", "bias"])
def test_the_matching_head_is_found_without_its_middle_name(folder, kind):
    state = published_vilt()
    expected = state[f"itm_score.{kind}"] = state.pop(f"itm_score.fc.{kind}")
    write(folder, state)
    assert torch.equal(load_vilt(folder)[0].state_dict()[f"itm_score.fc.{kind}"], expected)


@pytest.mark.parametrize("missing", ["mlm_score.bias", "mlm_score.decoder.bias"])
def test_the_bias_of_the_words_is_found_under_either_name(folder, missing):
    state = published_vilt()
    expected = state.pop(missing)
    write(folder, state)
    assert torch.equal(load_vilt(folder)[0].mlm_score.decoder.bias, expected)


def test_heads_of_other_tasks_are_left_out(folder):
    others = ("rank_output.weight", "classifier.0.weight", "nlvr2_classifier.3.bias")
    write(folder, published_vilt() | {name: torch.zeros(3) for name in others})
    assert not set(others) & load_vilt(folder)[0].state_dict().keys()


def test_words_are_guessed_by_the_checkpoints_own_matrix_and_by_their_embeddings_where_it_has_none(folder):
    network, _ = load_vilt(folder)
    assert not network.tied and not torch.equal(network.state_dict()[TIED], network.state_dict()[WORDS])
    state = published_vilt()
    for change in ({}, {TIED: state[WORDS].clone()}):
        write(folder, {name: value for name, value in state.items() if name != TIED} | change)
        network, _ = load_vilt(folder)
        assert network.tied
        assert network.mlm_score.decoder.weight is network.vilt.embeddings.text_embeddings.word_embeddings.weight


@pytest.mark.parametrize("variant", ["b32", "tied"])
def test_transformers_guesses_the_same_words_from_what_was_saved(tiny_models, tmp_path, variant):
    model = family.read(tiny_models["vilt", variant])
    family.save(model, tmp_path)
    assert (TIED in load_file(tmp_path / vilt.WEIGHTS)) == (variant == "b32")
    images, tokens = torch.rand(2, 3, 32, 32), model.tokens_of(["a cat on a street", "lung"])
    theirs = ViltForMaskedLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        guesses = theirs(input_ids=tokens, attention_mask=(tokens != 0).long(), pixel_values=2 * images - 1).logits
    ours = model.masked_logits(images, tokens)
    torch.testing.assert_close(ours[tokens != 0], guesses[tokens != 0], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("missing", ["config.json", "pytorch_model.bin", "vocab.txt"])
def test_a_missing_file_is_told_with_the_page_that_helps(folder, missing):
    (folder / missing).unlink()
    assert missing in told(folder) and vilt.PAGE in told(folder)
    assert "dandelin/vilt-b32-mlm-itm" in (Path(__file__).parents[3] / vilt.PAGE).read_text()


def test_a_missing_folder_is_told(tmp_path):
    assert "is no folder with config.json and pytorch_model.bin (or model.safetensors)" in told(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("head", "named"),
    [
        ({}, "none of that name"),
        ({"itm_score.fc.weight": torch.zeros(1, 32), "itm_score.fc.bias": torch.zeros(1)}, "itm_score.fc.weight"),
        ({"itm_score.fc.weight": torch.zeros(2, 32)}, "only itm_score.fc.weight:"),
        ({"itm_score.fc.bias": torch.zeros(2)}, "only itm_score.fc.bias:"),
    ],
    ids=["none", "of one output", "without a bias", "without a weight"],
)
def test_a_checkpoint_without_a_matching_head_of_two_outputs_is_told(folder, head, named):
    write(folder, {name: value for name, value in published_vilt().items() if "itm_score" not in name} | head)
    assert "has no matching head" in told(folder) and named in told(folder)


def test_a_checkpoint_of_other_sizes_and_one_of_another_model_are_told(folder):
    (folder / "config.json").write_text(json.dumps({**VILT, "hidden_size": 64, "model_type": "vilt"}))
    assert "checkpoint of another architecture" in told(folder)
    heads = {name: value for name, value in published_vilt().items() if "itm_score" in name}
    write(folder, {**heads, "visual.conv1.weight": torch.zeros(3)})
    assert "1 unknown (visual.conv1.weight)" in told(folder)


def test_a_tokenizer_of_another_model_is_told(folder):
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY[:-3]) + "\n")
    assert f"knows {len(VOCABULARY) - 3} tokens, but the checkpoint {len(VOCABULARY)}" in told(folder)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "AttributeError"),
        (json.dumps(VILT), "its model_type is None, not 'vilt'"),
        (json.dumps({**VILT, "model_type": "clip"}), "its model_type is 'clip', not 'vilt'"),
        (json.dumps({**VILT, "model_type": "vilt", "hidden_size": "wide"}), "hidden_size"),
        (json.dumps({**VILT, "model_type": "vilt", "num_attention_heads": 5}), "attention heads"),
    ],
    ids=["broken", "a list", "of no model", "of another model", "a word for a number", "heads that do not fit"],
)
def test_a_config_that_describes_no_vilt_is_told(folder, content, reason):
    (folder / "config.json").write_text(content)
    assert "config.json is no config of ViLT" in told(folder) and reason in told(folder)


def test_a_truncated_file_and_nan_are_told(folder):
    state = published_vilt()
    state["vilt.pooler.dense.bias"][0] = float("nan")
    write(folder, state)
    assert "NaN or infinity in 1 tensors: vilt.pooler.dense.bias" in told(folder)
    whole = (folder / vilt.PUBLISHED).read_bytes()
    (folder / vilt.PUBLISHED).write_bytes(whole[: len(whole) // 2])
    assert "cannot be read as weights" in told(folder)
