"""The classes that a run's model knows already: its `known`, a JSON file by the user.

Three forms, the first two of which may be mixed:

    {"wheel": "a round frame with spokes", "kite": null}     a class and what it looks like, null where nobody says it
    {"edema": {"description": "a hazy white veil", "article": "", "prompts": ["mild edema", "edema of both lungs"]}}
    ["wheel", "kite"]                                        names alone

A class without a description is described by its name, with its article: a, an, the, or "" for none; where nobody says
it, "a" or "an" by the name's first letter. Prompts take the place of the run's template where a classifier asks for the
class.
"""

import json
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stages.common import paths, prompts
from stages.common.captions import sentence
from stages.common.failures import UserError
from stages.common.params import Run

FORM = 'a mapping of class names to descriptions, such as {"wheel": "a round frame with spokes"}, or a list of names'
KEYS = {"description", "article", "prompts"}
ARTICLES = ("a", "an", "the", "")


@dataclass(frozen=True)
class KnownClass:
    """One class that the model knows.

    Attributes:
        name: as it goes into a prompt.
        description: what it looks like; None where nobody has written it.
        prompts: what a classifier asks for it with; empty: the run's template.
        article: stands before the name, "" for none; None: "a" or "an", by the name's first letter.
    """

    name: str
    description: str | None = None
    prompts: tuple[str, ...] = ()
    article: str | None = None

    @property
    def looks(self) -> str:
        """The description, or the name with its article: what images of the class are inverted from."""
        return self.description or prompts.with_article(self.name, self.article)

    def caption(self, template: str) -> str:
        """What fine-tuning tells it from: "A wheel is a round frame", or without a description its prompt."""
        if self.description is None:
            return self.prompt(template)
        article = prompts.article_of(self.name) if self.article is None else self.article
        return sentence(self.name, article, self.description)

    def prompt(self, template: str) -> str:
        """Its name in a template, "a photo of a wheel", whatever prompts of its own it has: what recipes teach with."""
        return prompts.prompt(template, self.name, self.article)

    def asked(self, templates: tuple[str, ...]) -> tuple[str, ...]:
        """The prompts that a classifier asks for it with, one or several."""
        return self.prompts or prompts.all_prompts(templates, self.name, self.article)


def read(run: Run) -> dict[str, KnownClass]:
    """The known classes of a run by name, in the order of the file.

    Each name becomes a folder and a part of prompts, each description a caption, so all are checked here.

    Returns:
        At least one class. No name, description or prompt is blank, no prompt of a class stands there twice, and the
        names give as many folders (`paths.slug`), even on a disk that takes small letters for capitals.

    Raises:
        UserError: the file is missing, or holds anything else; the message names the file and the class.
    """
    run.require("known")
    try:
        text = Path(run.known).read_text(encoding="utf-8")
        content = json.loads(text, object_pairs_hook=partial(_once_each, run.known))
    except IsADirectoryError:
        raise UserError(
            f"params.yaml: runs.{run.key}.known says {run.known!r}, but must be a file, not a folder."
        ) from None
    except ValueError as error:
        raise UserError(f"{run.known} is no JSON: {error}. It must hold {FORM}.") from None
    known = [_class(name, entry, run.known) for name, entry in _entries(content, run.known)]
    _refuse_shared_folder([one.name for one in known], run.known)
    return {one.name: one for one in known}


def _entries(content: object, file: str) -> list[tuple[str, object]]:
    if isinstance(content, list) and content and all(isinstance(name, str) for name in content):
        return [(name, None) for name in content]
    if isinstance(content, dict) and content:
        return list(content.items())
    raise UserError(f"{file} must hold {FORM}, but holds {reprlib.repr(content)}.")


def _once_each(file: str, pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The mapping of these pairs; JSON itself keeps the last of two equal keys and says nothing."""
    mapping: dict[str, object] = {}
    for key, value in pairs:
        if key in mapping:
            raise UserError(f"{file} has the key {key!r} twice. Keep one of them.")
        mapping[key] = value
    return mapping


def _class(name: str, entry: object, file: str) -> KnownClass:
    try:
        paths.slug(name)
    except ValueError:
        raise UserError(f"{file} names a class {name!r}, but a name must hold a letter or a digit.") from None
    own = entry if isinstance(entry, dict) and entry.keys() <= KEYS else {"description": entry}
    description, asked, article = own.get("description"), own.get("prompts", []), own.get("article")
    if description is not None and not _is_text(description):
        raise UserError(
            f"{file}: the description of {name!r} is {reprlib.repr(description)}, but must be a text that says what "
            "the class looks like, or null."
        )
    if not isinstance(asked, list) or not all(map(_is_text, asked)) or len({*asked}) < len(asked):
        told = f"the prompts of {name!r} are {reprlib.repr(asked)}"
        raise UserError(f"{file}: {told}, but must be a list of texts, none of them twice.")
    if article not in (None, *ARTICLES):
        told = f"the article of {name!r} is {reprlib.repr(article)}"
        raise UserError(f'{file}: {told}, but must be one of: a, an, the, or "" for none.')
    return KnownClass(name, description, tuple(asked), article)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _refuse_shared_folder(names: Iterable[str], file: str) -> None:
    if shared := paths.same_folder(names):
        first, second = shared
        if first == second:
            raise UserError(f"{file} lists {first!r} twice. Keep one of them.")
        raise UserError(
            f"{file}: the classes {first!r} and {second!r} would share one folder, {paths.slug(first)!r}: capitals, "
            "blanks and signs tell no two folders apart. Rename one of them."
        )
