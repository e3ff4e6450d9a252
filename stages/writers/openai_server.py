"""Asks a server that speaks OpenAI's chat protocol: OpenAI itself, vLLM, Ollama, llama.cpp and others.

params.yaml: `describe.base_url` is the address with its "/v1"; the key is taken from the environment's OPENAI_API_KEY,
which a local server does not need. Busy servers, slow ones and broken connections are asked again, MAX_RETRIES times.
"""

import json
import os

from stages.common.failures import UserError
from stages.common.params import Describe

MAX_RETRIES = 3
KEY_REFUSED = (401, 403)
REMEDY = "Or write the description into params.yaml yourself."


def write(prompt: str, settings: Describe) -> str:
    """The first choice's text.

    Raises:
        UserError: no base_url, the server is down, slow, refuses, cuts its answer, or answers something else than a
            chat completion.
    """
    import openai  # takes a second, and only a concept without a description needs it

    if settings.base_url is None:
        raise UserError("params.yaml: describe lacks the key 'base_url', such as http://localhost:11434/v1.")
    client = openai.OpenAI(
        base_url=settings.base_url,
        api_key=os.environ.get("OPENAI_API_KEY") or "EMPTY",
        timeout=settings.timeout_seconds,
        max_retries=MAX_RETRIES,
    )
    print(
        f"asking {settings.model} at {settings.base_url}, {settings.timeout_seconds:g} s at most each time", flush=True
    )
    try:
        response = client.chat.completions.with_raw_response.create(
            model=settings.model,
            messages=[{"role": "user", "content": prompt}],
            temperature=settings.temperature,
            seed=settings.seed,
        )
        body = response.text
    except openai.OpenAIError as error:
        raise UserError(f"{_asked(settings)}: {_told(error, settings)} {REMEDY}") from error
    return _content(body, settings)


def _asked(settings: Describe) -> str:
    return f"The server at {settings.base_url} (params.yaml: describe.base_url) was asked for {settings.model!r}"


def _told(error: Exception, settings: Describe) -> str:
    import openai

    if isinstance(error, openai.APITimeoutError):
        seconds = f"describe.timeout_seconds ({settings.timeout_seconds:g} s)"
        return f"no answer came within {seconds}, at none of {1 + MAX_RETRIES} times."
    if isinstance(error, openai.APIConnectionError):
        return "nothing answers there. Is it running, and is the address right?"
    if isinstance(error, openai.APIStatusError):
        told = f"it refused with status {error.status_code}: {error.response.text[:200]!r}."
        return f"{told} Is the right key in OPENAI_API_KEY?" if error.status_code in KEY_REFUSED else told
    return f"{error}."


def _content(body: str, settings: Describe) -> str:
    try:
        choice = json.loads(body)["choices"][0]
        content, why_it_ended = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError):
        content = why_it_ended = None
    if not isinstance(content, str):
        raise UserError(f"{_asked(settings)}: what came is no chat completion: {body[:200]!r}. {REMEDY}")
    if why_it_ended == "length":
        raise UserError(
            f"{_asked(settings)}: its answer was cut at the server's own limit of tokens: {content[:200]!r}. Raise the "
            f"limit, or switch off a model's thinking aloud. {REMEDY}"
        )
    return content
