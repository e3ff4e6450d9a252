"""Asks a language model on this machine through transformers; `describe.model` is its folder or hub id."""

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
        UserError: there is no such model here, or it is no text generator.
    """
    import transformers

    generate = _loaded(settings.model)
    transformers.set_seed(settings.seed)
    chat = [{"role": "user", "content": prompt}]
    answers = generate(
        chat if generate.tokenizer.chat_template else prompt,
        return_full_text=False,
        max_new_tokens=TOKENS_A_WORD * settings.max_words,
        max_time=settings.timeout_seconds,
        **_sampling(settings.temperature),
    )
    return answers[0]["generated_text"]


def _sampling(temperature: float) -> dict[str, object]:
    return {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}


@lru_cache(maxsize=1)
def _loaded(model: str) -> "TextGenerationPipeline":
    import torch
    import transformers

    device = 0 if torch.cuda.is_available() else -1
    try:
        return transformers.pipeline("text-generation", model=model, dtype="auto", device=device)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"params.yaml: describe.model says {model!r}, but transformers cannot load it: {str(error)[:300]} "
            "Give a folder that holds the model, or a hub id that can be reached."
        ) from error
