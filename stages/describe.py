"""Settles in words what a concept looks like, without saying its name.

The paper has a language model write the descriptions (Sec. 4.2). Here a text written by hand always wins: in
params.yaml, or as an edit of captions/KEY.yaml. Only a concept without either is described by a writer.

Reads params.yaml (concepts.KEY, describe) and captions/KEY.yaml, where there is one. Writes captions/KEY.yaml.
Command: python -m stages.describe KEY [more keys]
Time: below a second for a text written by hand; else as long as the writer takes.
"""

import hashlib
import json
from dataclasses import replace

from stages.common import captions, lookup, params, paths, wording
from stages.common.atomic import write_text
from stages.common.captions import Caption, fingerprint
from stages.common.failures import UserError, each, run_main
from stages.common.params import Concept, Describe, Params

FROM_PARAMS = "written by hand in params.yaml"
FROM_EDIT = "edited by hand"
CLIP_CONTEXT = 77  # tokens with start and end; the whole caption has to fit, or CLIP cuts it in silence

PROMPT = """\
An artist who has never seen {subject} has to draw one from your words alone, so that anyone who knows the thing would
recognise it. Describe its looks, and nothing else.

Go from the large to the small: the outline, the parts and how many there are, where each part sits, then colours,
materials and surface, and last what usually surrounds it. Take only common words for things that can be seen. Leave
out what it is for, its history, sounds and feelings.

Never use {words}, nor any word built from them.

Answer with a single phrase of at most {max_words} words that could follow "It is", and with nothing before or after it.
"""
AGAIN = """\

You have answered: {answer}
That cannot be used, because it {reasons}. Answer anew.
"""


def describe(concept: Concept, found: Caption | None, settings: Describe) -> Caption:
    """The caption file of a concept.

    Args:
        concept: as params.yaml has it.
        found: the caption file as it stands, None where there is none.
        settings: who writes a description when there is none, and how.

    Raises:
        UserError: two texts written by hand disagree, one of them leaks the name, prompts stand in a file that no
            stage wrote and not in params.yaml, or the writer failed.
    """
    if found and found.prompts and not concept.prompts and found.written is None:
        raise UserError(_prompts_in_file(concept.key, found.prompts))
    described = by_hand(concept, found) or by_writer(concept, found, settings)
    return replace(described, prompts=concept.prompts)


def by_hand(concept: Concept, found: Caption | None) -> Caption | None:
    """The description that a person wrote, params.yaml before an edited file; None when nobody did.

    Raises:
        UserError: params.yaml and an edited file disagree, or the text is no description (see stages/common/wording).
    """
    edited = found.description if found and found.is_edited else None
    given = captions.one_line(concept.description) if concept.description is not None else None
    if given is not None and edited not in (None, given):
        raise UserError(_disagreement(concept.key, given, edited))
    if given is not None:
        _check(concept, given, f"params.yaml: concepts.{concept.key}.description")
        return Caption(concept.name, concept.article, given, FROM_PARAMS, written=fingerprint(given))
    if edited is None:
        return None
    _check(concept, edited, f"{paths.caption(concept.key)}: description")
    # `written` stays what the stage wrote last, so that the text is known as an edit for good
    return Caption(concept.name, concept.article, edited, FROM_EDIT, written=found.written)


def _disagreement(key: str, given: str, edited: str) -> str:
    return (
        f"There are two texts for {key!r}, both written by hand, and neither is thrown away unasked.\n"
        f"  params.yaml: concepts.{key}.description: {given}\n"
        f"  {paths.caption(key)}: {edited}\n"
        f"To keep the first, delete {paths.caption(key)}. To keep the second, remove `description` from "
        f"concepts.{key}, or copy the text there."
    )


def _prompts_in_file(key: str, prompts: tuple[str, ...]) -> str:
    return (
        f"{paths.caption(key)} holds prompts, but params.yaml alone says them. Copy them there:\n"
        f"  concepts.{key}.prompts: {json.dumps(prompts, ensure_ascii=False)}\n"
        f"or take them out of {paths.caption(key)}; {key!r} is then asked for in the template of its run."
    )


def _check(concept: Concept, description: str, where: str) -> None:
    found = wording.problems(concept.name, description)
    if found:
        raise UserError(f"{where} says {description!r}, but it {' and it '.join(found)}. Say what can be seen instead.")


def by_writer(concept: Concept, found: Caption | None, settings: Describe) -> Caption:
    """A description from the writer; one that answers the very same request is kept without asking again.

    Raises:
        UserError: the writer failed, or none of its answers could be used.
    """
    prompt = first_prompt(concept, settings)
    request = fingerprint(_request(prompt, settings))
    source = f"written by {settings.model} through {settings.writer}"
    is_answered = found is not None and found.request == request
    description = found.description if is_answered else ask(concept, prompt, settings)
    written = fingerprint(description)
    return Caption(concept.name, concept.article, description, source, written=written, request=request)


def first_prompt(concept: Concept, settings: Describe) -> str:
    """What the writer is asked, before any of its answers is sent back."""
    words = " or ".join(f'"{word}"' for word in concept.name.split())
    subject = f"{concept.article} {concept.name}".strip()
    return PROMPT.format(subject=subject, words=words, max_words=settings.max_words)


def ask(concept: Concept, prompt: str, settings: Describe) -> str:
    """Ask until an answer passes, sending each failed one back with the reason, at most `settings.attempts` times.

    Raises:
        UserError: no answer passed; the message holds all of them.
    """
    failed: list[str] = []
    asked = prompt
    for attempt in range(settings.attempts):
        answer = answered(asked, replace(settings, seed=settings.seed + attempt))
        description = wording.tidied(answer)
        reasons = wording.problems(concept.name, description, settings.max_words) or _too_many_tokens(
            concept, description
        )
        if not reasons:
            return description
        failed.append(f"  {attempt + 1}. {description!r}: it {' and it '.join(reasons)}")
        asked = prompt + AGAIN.format(answer=description, reasons=" and it ".join(reasons))
    raise UserError(
        f"{settings.model!r} described {concept.key!r} {settings.attempts} times, and no answer can be used:\n"
        + "\n".join(failed)
        + f"\nWrite concepts.{concept.key}.description in params.yaml, or change describe.model, seed or attempts."
    )


def _too_many_tokens(concept: Concept, description: str) -> list[str]:
    from stages.common.open_clip_import import import_open_clip  # takes seconds; a text written by hand needs none

    tokenizer = import_open_clip().tokenizer.SimpleTokenizer()
    n_tokens = len(tokenizer.encode(captions.sentence(concept.name, concept.article, description))) + 2
    if n_tokens <= CLIP_CONTEXT:
        return []
    return [f"has {n_tokens} tokens with the name before it, and {CLIP_CONTEXT} are allowed"]


def answered(prompt: str, settings: Describe) -> str:
    """The writer's raw answer, from .cache/answers when the same was asked before."""
    request = _request(prompt, settings)
    kept = paths.answer(hashlib.sha256(request.encode()).hexdigest())
    if kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))["answer"]
    writer = lookup.find("stages.writers", settings.writer, "params.yaml: describe.writer")
    answer = writer.write(prompt, settings)
    write_text(
        kept, json.dumps({"request": json.loads(request), "answer": answer}, indent=1, ensure_ascii=False) + "\n"
    )
    return answer


def _request(prompt: str, settings: Describe) -> str:
    """All that an answer depends on; how long and how often to wait for one is no part of it."""
    asked = {
        name: getattr(settings, name) for name in ("writer", "model", "base_url", "temperature", "seed", "max_words")
    }
    return json.dumps({**asked, "prompt": prompt}, sort_keys=True)


def main(key: str, *more: str) -> None:
    """Settle the descriptions of these concepts."""
    known = params.load()  # once: a thousand concepts take a second to read
    each((key, *more), lambda one: write(one, known))


def write(key: str, known: Params) -> None:
    """Settle the description of one concept and write captions/KEY.yaml."""
    concept = known.concept(key)
    path = paths.caption(key)
    found = captions.read(path) if path.exists() else None
    caption = describe(concept, found, known.describe)
    captions.write(path, caption)
    print(f"{path}: {caption.source}")


if __name__ == "__main__":
    run_main(main)
