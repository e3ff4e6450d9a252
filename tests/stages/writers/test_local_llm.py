"""A tiny Llama with random weights, made here, talks nonsense; that is enough to see what is asked of it."""

from dataclasses import replace
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
    with pytest.raises(UserError, match=r"params.yaml: describe.model says .*nothing.*cannot load it"):
        local_llm.write("describe it", replace(settings, model=str(tmp_path / "nothing")))
