"""The texts that a run has its model read, each with the place where it was written; one that would be cut is refused.

Not among them: what evaluation asks the untouched model besides, a prompt with the description behind it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from stages.common.failures import UserError
from stages.common.known_classes import KnownClass
from stages.common.params import Run
from stages.common.prompts import prompt
from stages.common.taught import asked_for

Concept = Mapping[str, Any]  # an entry of data/lessons/RUN.json
Place = tuple[str, str]  # where a text was written, and the text


def refuse_long(
    run: Run, concepts: Sequence[Concept], known: Mapping[str, KnownClass], *, count: Callable[[str], int], limit: int
) -> None:
    """Refuse a run with a text that its model cannot read to the end: CLIP cuts it and says nothing.

    Args:
        run: whose templates name the classes.
        concepts: of its lesson.
        known: the classes that its model knows.
        count: tokens of a whole text, start and end token included.
        limit: tokens that the model reads.

    Raises:
        UserError: one line with the place of the text, its tokens and the limit.
    """
    for place, text in (*taught_texts(run, concepts), *known_texts(run, known)):
        if (tokens := count(text)) > limit:
            raise UserError(
                f"{place} has {tokens} tokens, the model reads {limit} and would not see the end. Shorten it."
            )


def taught_texts(run: Run, concepts: Sequence[Concept]) -> Iterator[Place]:
    """Captions and prompts of the concepts; what the control no_name says, where the run has it."""
    first = run.templates[0]
    for one in concepts:
        yield f"captions/{one['key']}.yaml: the caption", one["caption"]
        own = f"params.yaml: concepts.{one['key']}.prompts" if one.get("prompts") else _template(run)
        yield from ((f"{own}: the prompt {text!r}", text) for text in asked_for(one, run.templates))
        taught = prompt(first, one["name"], one["article"])
        yield f"{_template(run)}: the prompt {taught!r}", taught
        if "no_name" in run.controls:
            bare = first.replace("{}", one["description"])
            yield f"{_template(run)}: what the control no_name says for {one['name']!r}, {bare!r},", bare


def known_texts(run: Run, known: Mapping[str, KnownClass]) -> Iterator[Place]:
    """Captions and prompts of the known classes."""
    for name, one in known.items():
        if one.description is not None:
            yield f"{run.known}: the caption of {name!r}", one.caption(run.templates[0])
        for text in one.prompts:
            yield f"{run.known}: the prompt {text!r} of {name!r}", text
        named = run.templates[:1] if one.prompts else run.templates
        for template in named:
            text = one.prompt(template)
            yield f"{_template(run)}: the prompt {text!r}", text


def _template(run: Run) -> str:
    return f"params.yaml: runs.{run.key}.template"
