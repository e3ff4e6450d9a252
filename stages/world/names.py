"""Made-up names for made-up things, from syllables that the held-out names share.

A text encoder that never met the parts of a name cannot tell it from noise. So the syllables of moongate, tonometer and
gyroscope occur here too, in other company; the three words themselves, and the development names, never do.
"""

import re
from functools import cache
from random import Random

_HEADS = ("mo", "ton", "gy", "bar", "sun", "kal", "ve", "ni", "dra", "lu", "fe", "por", "zan", "tri", "hol", "mar")
_HEADS += ("pel", "os", "ker", "bi", "moon", "gyro")
_MIDDLES = ("", "", "ong", "ro", "la", "ne", "ri", "o", "mi", "ta")
_TAILS = ("ate", "ometer", "scope", "graph", "port", "bell", "ish", "an", "ax", "ium", "ine", "ette", "ster", "gate")
_REAL = frozenset(("barometer", "marine", "marinate", "portion", "portal", "holster", "monster", "tonight", "sunbell"))
_REAL |= {"moonstone", "bigate", "mograph", "trigate", "sunport", "marport", "trigraph", "motorist", "tonoscope"}
_REAL |= {"gyrograph", "suntan", "moron", "moran", "bilateral", "toronto"}


def made_up(n: int, banned: frozenset[str]) -> list[str]:
    """`n` different words in a fixed order that has no pattern.

    Args:
        n: how many; a smaller n gives the beginning of a larger one's list.
        banned: words never given.

    Raises:
        ValueError: there are fewer than n words.
    """
    words = sorted(word for word in _composed().keys() - banned - _REAL if 6 <= len(word) <= 12)
    if n > len(words):
        raise ValueError(f"made_up has {len(words)} words, {n} were asked for")
    Random(7).shuffle(words)
    return words[:n]


def unheard(n: int, banned: frozenset[str]) -> list[str]:
    """`n` different words in a fixed order, none of which `made_up` gives: one syllable longer, so no corpus has them.

    Args:
        n: how many; a smaller n gives the beginning of a larger one's list.
        banned: words that none may hold.

    Raises:
        ValueError: there are fewer than n words.
    """
    middles = [(one, other) for one in filter(None, _MIDDLES) for other in filter(None, _MIDDLES) if one != other]
    longer = {f"{head}{one}{other}{tail}" for head in _HEADS for one, other in middles for tail in _TAILS}
    words = sorted(word for word in longer - _composed().keys() if not _is_odd(word, banned))
    if n > len(words):
        raise ValueError(f"unheard has {len(words)} words, {n} were asked for")
    Random(8).shuffle(words)
    return words[:n]


def _is_odd(word: str, banned: frozenset[str]) -> bool:
    """Whether a word is too long, hard to pronounce, or holds a banned one."""
    return len(word) > 12 or bool(re.search("[aeiou]{3}", word)) or any(one in word for one in banned)


def syllables(word: str) -> tuple[str, str, str]:
    """Head, middle (perhaps "") and tail of a word of `made_up`."""
    return _composed()[word]


@cache
def _composed() -> dict[str, tuple[str, str, str]]:
    return {head + middle + tail: (head, middle, tail) for head in _HEADS for middle in _MIDDLES for tail in _TAILS}
