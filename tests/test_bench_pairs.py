"""bench_pairs: both ways find the same scores, and its table says what was measured; how fast is told, not tested."""

from pathlib import Path

import numpy as np
import pytest

from stages.common.failures import UserError
from tests import bench_pairs
from tests.bench_pairs import Round, table
from tests.stages.models.tiny import CASES
from tests.stages.whole_project import contents


def test_both_ways_score_the_same_pairs_alike_and_nothing_is_left_behind(tmp_path, monkeypatch, capsys):
    (tmp_path / "vilt").mkdir()
    CASES["vilt", "b32"](tmp_path / "vilt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench_pairs, "TEXTS", ["a cat", "two dogs on a street", "a photo of a heart"])
    before = set(contents(Path()))
    bench_pairs.main("--weights", "vilt", "--images", "2", "--repeats", "2")
    line = capsys.readouterr().out.splitlines()[-1]
    pairs, *_, apart = line.strip("| ").split(" | ")
    assert pairs == "6" and float(apart) < 1e-4
    assert set(contents(Path())) == before
    (ours, plain), _ = bench_pairs.measured(tmp_path / "vilt", n_images=2, repeats=2)
    assert ours.scores.shape == plain.scores.shape == (2, 3)
    assert ours.scores.std() > 0.1 and ours.seconds > 0
    np.testing.assert_allclose(ours.scores, plain.scores, rtol=0, atol=1e-4)


def test_the_table_holds_median_lowest_and_highest_round_worked_by_hand():
    """100 pairs a round: 100, 50 and 200 a second against 10, 25 and 20."""
    scores = np.zeros((10, 10))
    seconds = [(1.0, 10.0), (2.0, 4.0), (0.5, 5.0)]
    lines = table([(Round(a, scores), Round(b, scores + 2e-6)) for a, b in seconds]).splitlines()
    assert lines[2] == "| 100 | 100 (50 to 200) | 20 (10 to 25) | 10.0 (2.0 to 10.0) | 2e-06 |"


def test_weights_that_are_not_there_are_told(tmp_path):
    with pytest.raises(UserError, match="is no folder with config.json"):
        bench_pairs.main("--weights", str(tmp_path / "none"))
