"""Weight files: what is read, what is refused, and how a compact token table becomes whole."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from stages.common.failures import UserError
from stages.common.weights import copies, expand_token_rows, load_into, names_in, put_back, read_weights

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.tensor([1.0, 2.0])}


def refused(path):
    with pytest.raises(UserError) as told:
        read_weights(path)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_half_precision_is_read_as_float32_and_whole_numbers_stay(tmp_path):
    save_file({"a": torch.tensor([0.5]).half(), "b": torch.tensor([3])}, tmp_path / "w.safetensors")
    state = read_weights(tmp_path / "w.safetensors")
    assert state["a"].dtype == torch.float32
    assert state["b"].dtype == torch.int64


def test_a_training_checkpoint_gives_its_state_dict_without_the_prefix(tmp_path):
    torch.save(
        {"epoch": 1, "state_dict": {f"module.{name}": value for name, value in STATE.items()}}, tmp_path / "w.pt"
    )
    state = read_weights(tmp_path / "w.pt")
    assert {name: value.tolist() for name, value in state.items()} == {n: v.tolist() for n, v in STATE.items()}


def test_names_are_read_without_the_values(tmp_path):
    save_file({**STATE, "bias": torch.tensor([float("nan")])}, tmp_path / "w.safetensors")
    assert {*names_in(tmp_path / "w.safetensors")} == {*STATE}


def test_a_file_without_names_is_told(tmp_path):
    with pytest.raises(UserError, match="no such weights file"):
        names_in(tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"short")
    with pytest.raises(UserError, match="truncated or of another kind"):
        names_in(tmp_path / "w.safetensors")


def test_a_missing_file_is_told(tmp_path):
    assert "no such weights file" in refused(tmp_path / "w.pt")


@pytest.mark.parametrize("name", ["w.pt", "w.bin", "w.safetensors"])
@pytest.mark.parametrize("share", [0, 0.5, 0.95])
def test_a_truncated_file_is_told(tmp_path, name, share):
    path = tmp_path / name
    (save_file if path.suffix == ".safetensors" else torch.save)({"w": torch.zeros(1000)}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert "cannot be read as weights" in refused(path)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"w": Trap()}, tmp_path / "w.pt")
    assert "cannot be read as weights" in refused(tmp_path / "w.pt")
    assert not (tmp_path / "ran").exists()


def test_an_archive_of_code_and_weights_is_refused_with_the_way_around_it(tmp_path):
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "w.pt"))
    assert "it holds code, which is never run. For OpenAI's own files write `pretrained: openai`" in refused(
        tmp_path / "w.pt"
    )


@pytest.mark.parametrize("content", [{}, {"a": 1}, [torch.zeros(1)]])
def test_something_else_than_tensors_is_told(tmp_path, content):
    torch.save(content, tmp_path / "w.pt")
    assert "holds no state dict" in refused(tmp_path / "w.pt")


def test_nan_and_infinity_are_counted_and_listed(tmp_path):
    broken = {f"t{number}": torch.tensor([float("nan" if number % 2 else "inf")]) for number in range(6)}
    save_file({**broken, "fine": torch.zeros(1)}, tmp_path / "w.safetensors")
    assert "in 6 tensors: t0, t1, t2, t3, ..." in refused(tmp_path / "w.safetensors")


def test_token_rows_go_to_their_places_and_the_others_are_zero():
    compact = {
        "text.token_embedding.weight": torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
        "token_rows": torch.tensor([4, 1]),
    }
    state = expand_token_rows(compact, 6)
    assert list(state) == ["text.token_embedding.weight"]
    assert state["text.token_embedding.weight"].tolist() == [[0, 0], [3, 4], [0, 0], [0, 0], [1, 2], [0, 0]]


def compact_decoder(bias):
    """Two met tokens of six, with a decoder three wide."""
    dice = torch.Generator().manual_seed(5)
    return {
        "text.token_embedding.weight": torch.ones(2, 3),
        "text_decoder.ln_final.weight": torch.tensor([0.5, -2.0, 1.5]),
        "text_decoder.ln_final.bias": bias,
        "text_decoder.text_projection": torch.randn(3, 2, generator=dice),
        "token_rows": torch.tensor([4, 1]),
    }


def test_a_decoder_scores_tokens_that_were_never_met_30_below_0_whatever_it_is_given():
    compact = compact_decoder(torch.tensor([0.4, 0.1, -0.6]))
    columns = expand_token_rows(compact, 6)["text_decoder.text_projection"]
    norm = (compact[f"text_decoder.ln_final.{kind}"] for kind in ("weight", "bias"))
    scores = nn.functional.layer_norm(torch.randn(50, 3) * 9, [3], *norm) @ columns
    torch.testing.assert_close(scores[:, [0, 2, 3, 5]], torch.full((50, 4), -30.0), atol=1e-3, rtol=0)
    assert torch.equal(columns[:, [4, 1]], compact["text_decoder.text_projection"])


@pytest.mark.parametrize("bias", [[0.0, 0.0, 0.0], [0.5, 2.0, 0.1]], ids=["no bias", "biases that cancel out"])
def test_a_norm_whose_biases_cancel_out_is_refused(bias):
    with pytest.raises(UserError, match=r"ln_final, each over its weight, sum to .*: at least 0.1 is needed"):
        expand_token_rows(compact_decoder(torch.tensor(bias)), 6)


def test_a_whole_table_passes_unchanged():
    assert expand_token_rows(STATE, 6) is STATE


def test_a_fitting_state_is_loaded(tmp_path):
    network = nn.Linear(3, 2)
    load_into(network, STATE, tmp_path)
    assert torch.equal(network.weight, STATE["weight"])


def test_differences_are_counted_by_kind(tmp_path):
    with pytest.raises(UserError) as told:
        load_into(nn.Linear(4, 2), {"weight": STATE["weight"], "scale": torch.zeros(1)}, tmp_path)
    assert "1 missing (bias)" in str(told.value)
    assert "1 unknown (scale)" in str(told.value)
    assert "1 of another shape (weight [2, 3] instead of [2, 4])" in str(told.value)


def test_copies_keep_their_values_when_the_network_moves_on():
    network = nn.Conv2d(2, 2, 3).to(memory_format=torch.channels_last)
    kept = copies(network, ["weight"])["weight"]
    before = network.weight.detach().clone()
    with torch.no_grad():
        network.weight.add_(1)
    assert torch.equal(kept, before)
    assert kept.is_contiguous()  # safetensors takes no other


def test_what_is_put_back_is_in_the_networks_own_memory_and_told_where_it_differed():
    network = nn.Linear(3, 2)
    memory = network.weight.data_ptr()
    assert put_back(network, STATE) == {"weight", "bias"}
    assert put_back(network, {**STATE, "bias": STATE["bias"] + 1}) == {"bias"}
    assert torch.equal(network.weight, STATE["weight"]) and network.weight.data_ptr() == memory


def test_nothing_is_put_back_where_one_tensor_does_not_fit():
    network = nn.Linear(3, 2)
    before = network.bias.detach().clone()
    with pytest.raises(UserError, match=r"of another model: weight is \[3\], here \[2, 3\]"):
        put_back(network, {"bias": STATE["bias"], "weight": torch.zeros(3)})
    assert torch.equal(network.bias, before)
