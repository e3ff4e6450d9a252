"""A tiny Llama with random weights, made here, talks nonsense; that is enough to see what is asked of it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stages.common.failures import UserError
from stages.common.params import Describe
from stages.writers import local_llm

TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = Tokenizer(models.BPE())
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    letters.train_from_iterator(["a round opening in a wall"], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=letters, chat_template=TEMPLATE)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    path = tmp_path_factory.mktemp("llama")
    LlamaForCausalLM(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture
def settings(folder: Path) -> Describe:
    return Describe("local_llm", str(folder), max_words=4, temperature=1.0, seed=3, attempts=1)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_answer_and_another_seed_another(settings: Describe) -> None:
    first = local_llm.write("describe it", settings)
    assert first
    assert local_llm.write("describe it", settings) == first
    assert local_llm.write("describe it", replace(settings, seed=4)) != first


@pytest.mark.slow
def test_without_temperature_the_seed_does_not_matter(settings: Describe) -> None:
    cold = replace(settings, temperature=0.0)
    assert local_llm.write("describe it", cold) == local_llm.write("describe it", replace(cold, seed=9))


@pytest.mark.slow
def test_a_missing_model_is_told_by_its_place(settings: Describe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params.yaml: describe.model says .*nothing.*cannot use it"):
        local_llm.write("describe it", replace(settings, model=str(tmp_path / "nothing")))


@pytest.mark.slow
def test_half_an_answer_is_refused(settings: Describe) -> None:
    with pytest.raises(UserError, match=r"not done within describe.timeout_seconds \(0.001 s\)"):
        local_llm.write("describe it", replace(settings, max_words=100, timeout_seconds=0.001))


@pytest.mark.slow
def test_a_model_that_does_not_fit_is_told(settings: Describe, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def too_large(_: str) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(local_llm, "_loaded", too_large)
    with pytest.raises(UserError, match="does not fit into the GPU's memory"):
        local_llm.write("describe it", settings)


@pytest.fixture
def gated_hub() -> Iterator[str]:
    """A hub that gives nothing to anybody: 401 without a token and 403 with one, as the real one does."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(403 if self.headers.get("authorization") else 401)
            self.send_header("x-error-code", "GatedRepo")
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


ASK = """
from stages.common.failures import UserError
from stages.common.params import Describe
from stages.writers import local_llm

try:
    local_llm.write("describe it", Describe("local_llm", "meta-llama/Meta-Llama-3-8B-Instruct", 40, 0.0, 0, 1))
except UserError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("token", "told"),
    [
        ({}, ["no token for the hub", "Accept the licence", "`hf auth login`", "HF_TOKEN"]),
        ({"HF_TOKEN": "hf_mine"}, ["does not let this machine's token", "Accept the licence", "access is granted"]),
    ],
    ids=["no token", "no access"],
)
def test_a_gated_model_says_so_and_how_to_get_in(
    gated_hub: str, tmp_path: Path, token: dict[str, str], told: list[str]
) -> None:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "TRANSFORMERS"))
    }
    env = {**clean, "HF_ENDPOINT": gated_hub, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1", **token}
    asked = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, timeout=300)
    (line,) = asked.stdout.strip().splitlines()
    page = f"{gated_hub}/meta-llama/Meta-Llama-3-8B-Instruct"
    for part in ("describe.model says 'meta-llama/Meta-Llama-3-8B-Instruct', a gated model", page, *told):
        assert part in line
