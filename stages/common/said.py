"""Which names a text says: whole words, small letters or capitals."""

import re
from collections.abc import Collection
from functools import lru_cache


def names_in(text: str, names: Collection[str]) -> set[str]:
    """Those of the names that stand in a text as whole words.

    Where one name is part of another, the longer one counts: "a traffic light" says "traffic light" and not "light".

    Args:
        text: a caption.
        names: class names, with blanks.
    """
    pattern, as_written = _reader(tuple(names))
    return {as_written[found.casefold()] for found in pattern.findall(text)}


@lru_cache(maxsize=8)
def _reader(names: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """What finds the names, and each as it is written by how it may be found."""
    longest_first = sorted(names, key=len, reverse=True)
    pattern = "|".join(map(re.escape, longest_first)) or r"(?!)"
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE), {name.casefold(): name for name in names}
