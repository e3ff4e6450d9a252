"""The prompt of a class: its name, with an article, in the run's template."""

from collections.abc import Iterable


def article_of(name: str) -> str:
    """The article of a name that nobody wrote one for: "an" before a vowel, "a" before any other letter."""
    return "an" if name[:1].lower() in tuple("aeiou") else "a"


def with_article(name: str, article: str | None = None) -> str:
    """The name after its article: "a moongate".

    Args:
        name: class name, with spaces.
        article: "a", "an", "the", "" for none; None, as for the classes of a benchmark: `article_of` the name.
    """
    return f"{article_of(name) if article is None else article} {name}".strip()


def prompt(template: str, name: str, article: str | None = None) -> str:
    """The template with the name in it: "a photo of {}" and "arch" give "a photo of an arch"."""
    return template.replace("{}", with_article(name, article))


def all_prompts(templates: Iterable[str], name: str, article: str | None = None) -> tuple[str, ...]:
    """The prompts of a class in several templates: an ensemble."""
    return tuple(prompt(template, name, article) for template in templates)
