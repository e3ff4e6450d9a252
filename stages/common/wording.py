"""What a description must not be: empty, chatter, more than one paragraph, too long, or a giveaway of the name.

The method claims to teach a name from a description alone; a description that says the name, or a word of the same
stem, would let the model use what it may know of that word already.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

STEM_LETTERS = 6
FUNCTION_WORDS = frozenset({"a", "an", "and", "for", "in", "of", "on", "the", "to", "with"})
CHATTER = re.compile(
    r"(here is|here's|here are|sure[,!.:]|certainly|of course|okay|ok[,!.:]|absolutely|i'm sorry|i am sorry|as an ai|"
    r"i can't|i cannot|(the |visual )*description:|answer:)",
    re.IGNORECASE,
)
OFFER = re.compile(r"let me know|i hope this|feel free to|would you like", re.IGNORECASE)
MARKUP = re.compile(r"^\s*([-*#•]|\d+[.)]\s)|\*\*|```", re.MULTILINE)


@dataclass(frozen=True)
class Leak:
    """A word of a description that gives the name away.

    Attributes:
        said: the word (or two words in a row) as the description has it.
        position: which word of the description it is, from 1.
        name_word: the word of the name that it repeats.
    """

    said: str
    position: int
    name_word: str


def leaks(name: str, description: str) -> list[Leak]:
    """Words of the description that repeat a word of the name: the same, its plural, or of the same 6-letter stem.

    Two words in a row that make up a word of the name together ("moon gate") count as well; "a", "of" and the like do
    not, unless the name has no other words.

    Args:
        name: e.g. "traffic light".
        description: any text.
    """
    said = _words(description)
    named = [word for word in _words(name) if word not in FUNCTION_WORDS] or _words(name)
    whole = [*named, "".join(named)] if len(named) > 1 else named
    found = [
        Leak(word, position, name_word)
        for position, word in enumerate(said, start=1)
        for name_word in whole
        if _gives_away(word, name_word)
    ]
    together = [
        Leak(f"{first} {second}", position, name_word)
        for position, (first, second) in enumerate(pairwise(said), start=1)
        for name_word in whole
        if _same_but_number(first + second, name_word)
    ]
    return sorted(found + together, key=lambda leak: leak.position)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _gives_away(word: str, name_word: str) -> bool:
    same_stem = len(name_word) >= STEM_LETTERS and word[:STEM_LETTERS] == name_word[:STEM_LETTERS]
    return same_stem or _same_but_number(word, name_word)


def _same_but_number(word: str, name_word: str) -> bool:
    return word == name_word or word in _plurals(name_word) or name_word in _plurals(word)


def _plurals(word: str) -> set[str]:
    plurals = {f"{word}s", f"{word}es"}
    if word.endswith("y"):
        plurals.add(f"{word[:-1]}ies")
    if word.endswith(("f", "fe")):
        plurals.add(re.sub("fe?$", "ves", word))
    return plurals


def problems(name: str, description: str, max_words: int | None = None) -> list[str]:
    """What is wrong with a description, each as the end of a sentence that starts with "it"; empty when all is well.

    Args:
        name: of the concept.
        description: the text, with blank lines between paragraphs.
        max_words: None for no limit.
    """
    if not description.strip():
        return ["is empty"]
    found = [
        f"says {leak.said!r} (word {leak.position}), which gives away {leak.name_word!r} of the name {name!r}"
        for leak in leaks(name, description)
    ]
    if CHATTER.match(description) or OFFER.search(description):
        found.append("talks to the reader instead of describing")
    if MARKUP.search(description):
        found.append("has a list or markup in it")
    if len(re.split(r"\n\s*\n", description.strip())) > 1:
        found.append("has more than one paragraph")
    n_words = len(description.split())
    if max_words is not None and n_words > max_words:
        found.append(f"has {n_words} words, and {max_words} are allowed")
    return found


def tidied(answer: str) -> str:
    """A writer's raw answer without thinking aloud, quotation marks around it, and line breaks inside a paragraph."""
    spoken = re.sub(r"<think>.*?</think>", "", answer, flags=re.DOTALL).strip()
    unquoted = re.sub(r"""^(["'“])(.*)(["'”])$""", r"\2", spoken, flags=re.DOTALL)
    return re.sub(r"(?<!\n)\n(?!\n|\s*[-*#•]|\s*\d+[.)])", " ", unquoted).strip()
