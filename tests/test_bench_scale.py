"""bench_scale: its projects are good ones, and its tables say what was measured."""

from pathlib import Path

import pytest

from stages.common import params
from tests import bench_scale
from tests.bench_scale import STAGES, Cost, Scale, tables
from tests.stages.whole_project import contents


class Nowhere:
    url = "http://127.0.0.1:1/api"


def found(seconds: dict[int, float], one_more: float) -> dict:
    """What a measurement finds, in which every stage takes so long, and a megabyte more for each concept."""
    return {
        "stages": {n: {verb: Cost(took, 500.0 + n) for verb in STAGES} for n, took in seconds.items()},
        "graph": {n: {"dvc status": Cost(0.1 * n, 90)} for n in seconds},
        "page_kb": dict.fromkeys(seconds, 800.0),
        "one_more": {verb: Cost(one_more, 501.0) for verb in (*STAGES, "pipeline run, describe")},
        "chunks": 1,
    }


def test_the_tables_hold_seconds_a_concept_and_what_each_further_one_adds_worked_by_hand():
    """4 s for one; 22 s for ten, of which each of nine adds 2."""
    text = tables(found({1: 4.0, 10: 22.0}, 5.0))
    assert "| seconds a concept | 1 | 10 | each further after 1 | one more than 10 |" in text
    assert "| invert | 4.000 | 2.200 | 2.000 | 5.0 |" in text
    assert "| invert | 501 | 510 | 1.00 | 501 |" in text
    assert "| dvc status | 0.1 | 1.0 |" in text and "| kB of the report's page | 800 | 800 |" in text
    assert text.endswith("1 chunk of images was inverted, and `pipeline run describe` took 5.0 s.")


def test_a_single_size_stands_beside_nothing():
    assert "| invert | 2.200 | 2.200 | 5.0 |" in tables(found({10: 22.0}, 5.0))


@pytest.fixture
def scale(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Scale(tmp_path, {"images": 2, "steps": 3}, Nowhere())


def test_its_params_teach_so_many_composites_in_one_run_and_keep_the_anchors_for_experiments(scale):
    scale.teach(3)
    checked = params.load()
    assert len(checked.concepts) == 3 and list(checked.runs) == [bench_scale.RUN]
    run = checked.run(bench_scale.RUN)
    assert run.concepts == tuple(checked.concepts) and run.invert == {"images": 2, "steps": 3}
    assert run.family == "clip" and "&tiny" in Path("params.yaml").read_text()


def test_one_concept_more_leaves_the_others_and_their_pictures_as_they_were(scale):
    scale.teach(2)
    first, before = params.load().concepts, contents(Path("pictures"))
    scale.teach(3)
    assert {key: params.load().concepts[key] for key in first} == first
    after = contents(Path("pictures"))
    assert before.items() < after.items() and len(after) == 1.5 * len(before)


def test_a_command_that_fails_is_told_with_its_last_words(scale):
    with pytest.raises(SystemExit, match="exit code 3\nno such thing"):
        scale.cost("python", "-c", "import sys; print('no such thing'); sys.exit(3)")


def test_what_a_command_took_is_that_of_all_its_processes(scale):
    busy = "x = bytearray(60_000_000)\nfor _ in range(3_000_000): pass"
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    idle, worked = (scale.cost("python", "-c", code) for code in ("", inner))
    assert worked.seconds > idle.seconds and worked.megabytes > idle.megabytes + 50
