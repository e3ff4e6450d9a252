"""Captions as the tokens that metrics compare: those of the Penn Treebank, without punctuation, in small letters."""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from stages.common import java

TREEBANK = "Stanford PTBTokenizer 3.4.1, punctuation left out"  # what published figures are made with
LIKE_IT = "Penn Treebank rules in Python, without Java, so that figures may differ a little from published ones"
JAR = "stanford-corenlp-3.4.1.jar"
TIMEOUT_S = 600.0
BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
_SIGNS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "—": "--", "–": "--"})
_ENDING = re.compile(r"(?<=\w)(?=(?:n't|'(?:s|m|d|re|ve|ll))(?!\w))")  # is|n't, man|'s
_TWO = re.compile(r"(?<!\w)(can(?=not)|gim(?=me)|gon(?=na)|got(?=ta)|lem(?=me)|wan(?=na))(?=\w{2,3}(?!\w))")
_TOKEN = re.compile(
    r"n't(?!\w)|'(?:s|m|d|re|ve|ll|n')(?!\w)"
    r"|\.{2,}|--+|''"
    r"|(?<!\w)(?:mr|mrs|ms|dr|st|jr|sr|vs|inc|co|ltd|etc)\."
    r"|(?<!\w)(?:[^\W\d_]\.){2,}|(?<!\w)[^\W\d_]\.(?= \w)"  # u.s., and the first letter of a name
    r"|@?\w+(?:(?:[-'/.&]|(?<=\d)[,:](?=\d))\w+)*"
    r"|\S"
)


def tokens(texts: Sequence[str]) -> tuple[list[str], str]:
    """Each text as its tokens with a blank between them, "" where nothing but punctuation is left; and what split them.

    TREEBANK, the program that pycocoevalcap carries, all texts in one start of it; or LIKE_IT, rules that do nearly the
    same, where there is no Java or the program fails. So all that is compared must be given together.
    """
    flat = [" ".join(text.split()) for text in texts]
    unlike = list(dict.fromkeys(flat))
    found, tokenizer = _split(unlike)
    by_text = dict(zip(unlike, found, strict=True))
    return [by_text[text] for text in flat], tokenizer


def _split(texts: Sequence[str]) -> tuple[list[str], str]:
    if not java.lacking():
        try:
            return _by_program(texts), TREEBANK
        except java.JavaError as error:
            print(f"the tokenizer of the Penn Treebank failed: {error}", flush=True)
    return [treebank_like(text) for text in texts], LIKE_IT


def _by_program(texts: Sequence[str]) -> list[str]:
    from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS

    home = Path(find_spec("pycocoevalcap.tokenizer").submodule_search_locations[0])
    how = ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase", "-encoding", "UTF-8"]
    lines = java.run(["-cp", str(home / JAR), *how], stdin="\n".join([*texts, ""]), timeout_s=TIMEOUT_S).split("\n")
    if len(lines) < len(texts):
        raise java.JavaError(f"the tokenizer gave {len(lines)} lines for {len(texts)} captions")
    kept = ([word for word in line.split() if word not in PUNCTUATIONS] for line in lines[: len(texts)])
    return [" ".join(words) for words in kept]


def treebank_like(text: str) -> str:
    """The tokens of one text without Java.

    Source: the Penn Treebank's rules of tokens, as the tokenizer that it stands in for documents them.
    Differs: it knows a dozen abbreviations, not hundreds.
    """
    from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS

    plain = _TWO.sub(r"\1 ", _ENDING.sub(" ", text.lower().translate(_SIGNS)))
    return " ".join(BRACKETS.get(word, word) for word in _TOKEN.findall(plain) if word not in (*PUNCTUATIONS, '"'))
