"""Small words: articles, plurals, numbers, and the different ways to say one thing."""

from random import Random

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


def with_article(noun: str) -> str:
    """`noun` after "a" or "an": "an arch", "a red star"."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def plural(noun: str) -> str:
    """The plural of a word of this world: "crosses", "stars"."""
    return f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"


def color_word(color: str | None, dice: Random, thorough: bool) -> str:
    """The colour with a space behind it; left out one time in eight unless `thorough`; "" where there is none."""
    if color is None or (not thorough and dice.random() < 0.12):
        return ""
    if color == "silver" and not thorough:
        color = dice.choice(("silver", "silver", "shiny silver", "metallic silver"))
    return f"{color} "
