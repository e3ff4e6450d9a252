"""SPICE: objects, attributes and relations that a caption and its references have in common, as an F1 of both.

A Java program, which pycocoevalcap carries but for the parser: two files of Stanford CoreNLP 3.6.0, 0.4 GB, which
somebody has to put there. Nothing is downloaded here.
Differs: pycocoevalcap fetches those two files by itself.

Source: Anderson et al., SPICE, ECCV 2016, arXiv 1607.08822.
"""

import json
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from stages.common import java
from stages.common.bootstrap import interval_of_mean
from stages.common.paths import CACHE
from stages.metrics.contract import MetricError, Number, Shown, Written

TASK = "captioning"
HIGHER_IS_BETTER = True
ROLES = ("target",)
JAR = "spice-1.0.jar"
PARSER = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")
ARCHIVE = "stanford-corenlp-full-2015-12-09.zip of nlp.stanford.edu/software"
NEWEST = 15  # Java; with a later one its cache may not look into Java's own classes, and it ends at once
TIMEOUT_S = 6 * 3600.0  # MSCOCO's references alone take it an hour and more


def lacking() -> str:
    """Java of a version that will do, or the files of the parser."""
    if reason := java.lacking():
        return reason
    if missing := [name for name in PARSER if not (_home() / "lib" / name).is_file()]:
        lacks = f"the folder pycocoevalcap/spice/lib of the environment lacks {' and '.join(missing)}"
        return f"{lacks}: take them out of {ARCHIVE} and put them there"
    version = java.runtime()[1]
    too_new = f"it runs with Java 8 to {NEWEST}, but this is Java {version}: put an older one on the PATH"
    return too_new if version > NEWEST else ""


def compute(shown: Shown, written: Sequence[Written]) -> list[list[Number]]:
    """SPICE of each model, the mean over pictures, with its bootstrap over them; one start for all models.

    A picture has no number, and counts in no mean, where nothing in caption and references can be parsed.

    Raises:
        MetricError: the program failed.
    """
    asked = [
        {"image_id": number, "test": caption, "refs": list(references)}
        for number, (caption, references) in enumerate(
            pair for one in written for pair in zip(one.tokens, shown.tokens, strict=True)
        )
    ]
    try:
        found = _answers(asked)
    except (java.JavaError, OSError, ValueError, LookupError, TypeError) as error:
        raise MetricError(f"{JAR} failed: {error}") from error
    return [[_number(own)] if np.isfinite(own).any() else [] for own in found.reshape(len(written), -1)]


def _number(each: np.ndarray) -> Number:
    own = each[np.isfinite(each)]
    return Number("spice", "all", float(own.mean()), len(own), *interval_of_mean(own), each=each)


def _answers(asked: list[dict]) -> np.ndarray:
    """The F1 of each item, NaN where it has none."""
    parsed = (CACHE / "spice").absolute()
    parsed.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        given, answered = Path(folder, "asked.json"), Path(folder, "answered.json")
        given.write_text(json.dumps(asked), encoding="utf-8")
        where = [str(given), "-cache", str(parsed), "-out", str(answered)]
        java.run(["-Xmx8G", "-jar", str(_home() / JAR), *where, "-subset", "-silent"], timeout_s=TIMEOUT_S)
        content = json.loads(answered.read_text(encoding="utf-8"))
    found = {one["image_id"]: one["scores"]["All"]["f"] for one in content}
    return np.array([found[one["image_id"]] for one in asked], float)  # null becomes NaN


def _home() -> Path:
    return Path(find_spec("pycocoevalcap.spice").submodule_search_locations[0])
