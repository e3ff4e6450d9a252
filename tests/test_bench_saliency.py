"""bench_saliency: both ways find the same, and its table says what was measured; how fast is told, not tested."""

import pytest
import torch

from stages.common.failures import UserError
from stages.common.segmenting import Settings
from tests import bench_saliency
from tests.bench_saliency import Case, Round, apart_by, line, measured, random_clip, table
from tests.stages.models.tiny import CASES, TEXT, VIT


def test_both_ways_find_the_same_maps_and_a_row_says_so(tmp_path, capsys):
    CASES["clip", "vit"](tmp_path)
    bench_saliency.main("--weights", str(tmp_path), "--images", "2", "--repeats", "1", "--tiny")
    head, _, row = capsys.readouterr().out.splitlines()
    assert head.count("|") == row.count("|") == 9
    assert row.startswith(f"| {tmp_path.name} | 2 | 10 x 10 | 2 | ")
    assert float(row.split("|")[-2]) < 1e-3


def test_a_random_model_of_any_size_is_asked_as_one_of_a_folder():
    case = Case("random", random_clip(VIT, TEXT, 16), Settings(block=3, steps=2, samples=2), 3, 2)
    rounds = measured(case)
    assert len(rounds) == 2 and all(one.maps.shape == (3, 4, 4) for both in rounds for one in both)
    assert max(apart_by(*(way.maps for way in both)) for both in rounds) < 1e-4


def test_a_row_holds_median_lowest_and_highest_round_worked_by_hand():
    """4 images a round: 4, 2 and 8 a second against 0.4, 1 and 0.8; once a place is off by a quarter of the range."""
    maps = torch.tensor([[[0.0, 4.0], [1.0, 2.0]]])
    rounds = [
        (Round(1.0, maps), Round(10.0, maps)),
        (Round(2.0, maps), Round(4.0, maps + torch.tensor([[0, 0], [0, 1.0]]))),
        (Round(0.5, maps), Round(5.0, maps)),
    ]
    case = Case("small", None, Settings(block=5, steps=2, samples=3), 4, 3)
    expected = "| small | 5 | 2 x 3 | 4 | 4 (2 to 8) | 0.8 (0.4 to 1) | 10 (2 to 10) | 2.5e-01 |"
    assert line(case, rounds) == expected
    assert table([expected, expected]).splitlines()[2:] == [expected, expected]


def test_weights_that_are_not_there_are_told(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        bench_saliency.main("--weights", str(tmp_path / "none"), "--tiny")
