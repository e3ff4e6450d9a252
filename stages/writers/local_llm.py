"""Asks a language model on this machine through transformers; `describe.model` is its folder or hub id.

The paper's writer is `meta-llama/Meta-Llama-3-8B-Instruct`, which the hub gives only to those who accept its licence.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from stages.common.failures import UserError
from stages.common.params import Describe

if TYPE_CHECKING:
    from transformers import TextGenerationPipeline

TOKENS_A_WORD = 3  # English takes about 1.3; the rest is room for an answer that is too long and says so


def write(prompt: str, settings: Describe) -> str:
    """The model's answer; the same for the same seed on the same machine.

    A model with a chat template gets the prompt as a user's message, any other as plain text to go on from.

    Raises:
        UserError: there is no such model here, the hub does not give it to you, it is no text generator, it does not
            fit into memory, or it took longer than `timeout_seconds`, so that its answer was cut.
    """
    import transformers

    with _told_in_one_line(settings.model):
        generate = _loaded(settings.model)
        transformers.set_seed(settings.seed)
        chat = [{"role": "user", "content": prompt}]
        began = time.monotonic()
        answers = generate(
            chat if generate.tokenizer.chat_template else prompt,
            return_full_text=False,
            max_new_tokens=TOKENS_A_WORD * settings.max_words,
            max_time=settings.timeout_seconds,
            **_sampling(settings.temperature),
        )
    if time.monotonic() - began >= settings.timeout_seconds:
        raise UserError(
            f"{settings.model!r} was not done within describe.timeout_seconds ({settings.timeout_seconds:g} s), and "
            "half an answer is none. Give it more in params.yaml, or take a smaller model."
        )
    return answers[0]["generated_text"]


def _sampling(temperature: float) -> dict[str, object]:
    return {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}


@lru_cache(maxsize=1)
def _loaded(model: str) -> "TextGenerationPipeline":
    import torch
    import transformers

    device = 0 if torch.cuda.is_available() else -1
    return transformers.pipeline("text-generation", model=model, dtype="auto", device=device)


@contextmanager
def _told_in_one_line(model: str) -> Iterator[None]:
    """Errors of transformers as ours: where the model was named, what is wrong, what to do."""
    import torch

    said = f"params.yaml: describe.model says {model!r}"
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"{said}, which does not fit into the GPU's memory. Take a smaller model, or serve it elsewhere and ask it "
            "with writer: openai_server."
        ) from error
    except (OSError, ValueError, KeyError) as error:
        if _is_gated(error):
            raise UserError(f"{said}, {_how_to_get_in(model)}") from error
        raise UserError(
            f"{said}, but transformers cannot use it: {' '.join(str(error).split())[:300]} "
            "Give a folder that holds the model, or a hub id that can be reached."
        ) from error


def _is_gated(error: BaseException | None) -> bool:
    from huggingface_hub.errors import GatedRepoError

    while error is not None and not isinstance(error, GatedRepoError):
        error = error.__cause__ or error.__context__
    return error is not None


def _how_to_get_in(model: str) -> str:
    from huggingface_hub import constants, get_token

    page = f"{constants.ENDPOINT}/{model}"
    if get_token() is None:
        return (
            "a gated model, and this machine has no token for the hub. Accept the licence on the model's page, "
            f"{page}, then type `hf auth login`, or put a token into HF_TOKEN."
        )
    return (
        "a gated model, and the hub does not let this machine's token (of `hf auth login` or HF_TOKEN) read it. Accept "
        f"the licence on the model's page, {page}, with the account of that token, and wait until access is granted."
    )
