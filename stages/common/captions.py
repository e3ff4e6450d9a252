"""captions/KEY.yaml: what one concept looks like, in words, with where they came from; and the caption made of them."""

import hashlib
import io
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from stages.common import checks, document
from stages.common.atomic import write_text

HEADER = """\
# What `python -m stages.describe` last settled on. Name, article, prompts and, where it has one, the description come
# from params.yaml: change them there. Else the description may be edited here: an edit is kept, and says so.
# Delete this file to have it made anew.
"""


@dataclass(frozen=True)
class Caption:
    """One file of captions/.

    Attributes:
        name: what the concept is called, e.g. "moongate".
        article: "a", "an", "the" or "".
        description: what it looks like, without the name.
        source: where the description came from.
        written: fingerprint of the description as the stage itself wrote it; another one means a hand edit.
        request: fingerprint of the request that a writer answered; None for a text written by hand.
        prompts: what a classifier asks for it with, in place of the run's template; from params.yaml alone.
    """

    name: str
    article: str
    description: str
    source: str = "edited by hand"
    written: str | None = None
    request: str | None = None
    prompts: tuple[str, ...] = ()

    @property
    def is_edited(self) -> bool:
        """Whether somebody changed the description after the stage wrote it, or wrote the file altogether."""
        return self.written != fingerprint(self.description)


def fingerprint(text: str) -> str:
    """Twelve hexadecimal digits that change with the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read(path: Path) -> Caption:
    """Read one file, whoever wrote it.

    Raises:
        UserError: the file is missing or no YAML, lacks a key, or has one that is unknown.
    """
    caption = checks.settings(Caption, document.read(path), f"{path}:")
    return Caption(**{**asdict(caption), "description": one_line(caption.description)})


def write(path: Path, caption: Caption) -> None:
    """Write one file; keys without a value are left out."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.width = 100
    text = io.StringIO()
    given = {**asdict(caption), "prompts": list(caption.prompts) or None}
    yaml.dump({key: value for key, value in given.items() if value is not None}, text)
    write_text(path, HEADER + text.getvalue())


def one_line(text: str) -> str:
    """The text without line breaks inside a paragraph and without blanks around it; paragraphs stay apart."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def sentence(name: str, article: str, description: str) -> str:
    """The caption that a concept is taught with: "A moongate is a round opening in a wall".

    The description's own first article goes to small letters; any other first word stays as it is.

    Source: arXiv 2411.15611 Sec. 4.2, "A {name} is {description}".
    """
    inside = re.sub(r"^(A|An|The)\b", lambda match: match[0].lower(), description)
    subject = f"{article} {name}".strip()
    return f"{subject[:1].upper()}{subject[1:]} is {inside}"
