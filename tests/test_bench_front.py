"""bench-front: its table says what was measured; how fast the machine is does not matter here."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from stages.common import params, taught
from tests import bench_front
from tests.bench_front import Point, is_on_front, rows_of, settings_for
from tests.stages import whole_project
from tests.stages.models.tiny import CASES

BUDGET = 0.02


@pytest.fixture
def project(tmp_path, tmp_path_factory, monkeypatch):
    weights = tmp_path_factory.mktemp("weights")
    CASES["clip", "resnet"](weights)
    monkeypatch.chdir(tmp_path)
    whole_project.build(weights)
    monkeypatch.setattr(bench_front, "project", lambda *_: nullcontext())


def test_every_way_is_measured_taught_and_asked(project, capsys):
    ways = ("pyramid", "activations above block 4", "reference")
    words = "--runs both --steps 2 --seeds 0 --json points.json --ways"
    bench_front.main(*words.split(), *ways)
    points = json.loads(Path("points.json").read_text())
    rates = params.load().run("both").recipes["replay"]["learning_rates"]
    assert [(point["way"], point["learning_rate"]) for point in points] == [
        (way, rate) for way in ways for rate in rates
    ]
    assert all(point["seconds"] > 0 and point["images"] == 4 for point in points)
    assert all(0 <= point[share] <= 1 for point in points for share in ("target", "known", "known_before"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[-3:]] == [f"| {way}" for way in ways]


def point(way, steps, rate, seed, seconds, target, known):
    return Point(way, steps, seed, "run", rate, 30, seconds, target, 100, 0.98, known)


POINTS = [
    *(point("quick", 10, 1e-3, seed, 3.0, 0.8 + seed / 10, 0.97) for seed in (0, 1)),
    *(point("quick", 10, 2e-3, seed, 3.0, 0.9, 0.95) for seed in (0, 1)),
    *(point("slow", 10, 1e-3, seed, 9.0, 0.85, 0.98) for seed in (0, 1)),
    *(point("slow", 10, 2e-3, seed, 9.0, 0.84, 0.97) for seed in (0, 1)),
    *(point("slower", 10, 1e-3, seed, 12.0, 0.95, 0.97) for seed in (0, 1)),
    *(point("eager", 10, 1e-3, seed, 1.0, 0.99, 0.90) for seed in (0, 1)),
]


def test_the_largest_learning_rate_within_the_budget_counts():
    """The quick way loses 1 and 3 points: the lower rate counts. The slow one loses 0 and 1: the higher."""
    rows = {row.way: row for row in rows_of(POINTS, BUDGET)}
    assert (rows["quick"].learning_rate, rows["quick"].targets) == (1e-3, [0.8, 0.9])
    assert (rows["slow"].learning_rate, rows["slow"].target) == (2e-3, pytest.approx(0.84))
    assert rows["quick"].seconds == pytest.approx(1.0)  # 30 images took 3 s; a concept has ten
    assert rows["eager"].lost == pytest.approx(0.08)


def test_the_front_holds_what_no_other_beats_in_both_and_what_keeps_to_the_budget():
    rows = rows_of(POINTS, BUDGET)
    assert {row.way: is_on_front(row, rows, BUDGET) for row in rows} == {
        "quick": True,
        "slow": False,  # the quick one finds as many sooner
        "slower": True,
        "eager": False,
    }
    told = {line.split(" | ")[0][2:]: line for line in bench_front.table(POINTS, BUDGET).splitlines()[2:]}
    assert told["eager"].endswith("| over the budget |") and told["quick"].endswith("| yes |")
    assert "85.0% (80.0% to 90.0%)" in told["quick"]


def test_every_way_keeps_the_shape_of_its_schedule_in_another_number_of_steps(project):
    run = params.load().run("both")
    reference, _ = settings_for("reference", run, 50)
    assert (reference.views, reference.grow_at, reference.anneal_every) == (13, (9, 18), 11)
    grown, _ = settings_for("pixels, coarse to fine", run, 20)
    assert grown.grow_at == (6, 12)
    for way in bench_front.WAYS:
        settings, _ = settings_for(way, run, 20)
        assert settings.steps == 20


def test_the_experiments_runs_are_there_inside_and_the_project_is_as_it_was_outside(tmp_path, monkeypatch):
    root, before = Path(__file__).parents[1], Path("params.yaml").read_text()
    monkeypatch.chdir(root)
    with bench_front.project("development", list(bench_front.RUNS)):
        assert [taught.lesson(run)[0]["name"] for run in bench_front.RUNS] == ["holroate", "gymiate"]
        assert Path("data/known").is_dir()
    assert Path("params.yaml").read_text() == before
