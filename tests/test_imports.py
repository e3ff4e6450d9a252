"""Every verb can be imported, each before any other has run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VERBS = sorted(path.stem for path in (ROOT / "stages").glob("*.py") if path.name != "__init__.py")
CHILD = """\
import importlib, json, sys, time, traceback
found = {}
for verb in sys.argv[1:]:
    begin = time.perf_counter()
    try:
        importlib.import_module(f"stages.{verb}")
        found[verb] = ["", time.perf_counter() - begin]
    except BaseException:
        found[verb] = [traceback.format_exc(), 0]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, tuple[str, float]]:
    """What importing each verb said, and its seconds; all in one child, since torch takes its time once."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *VERBS], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return json.loads(done.stdout)


def test_the_verbs_are_found():
    assert {"draw", "invert", "finetune", "evaluate", "report", "classify", "export"} <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_can_be_imported_and_does_nothing_by_it(imported, verb):
    error, seconds = imported[verb]
    print(f"{verb}: {seconds:.2f} s")
    assert not error, error
