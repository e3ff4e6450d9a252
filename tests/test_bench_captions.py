"""bench_captions: both ways write the same, and its table says what was measured; how fast is told, not tested."""

import pytest

from stages.common.failures import UserError
from tests import bench_captions
from tests.bench_captions import Round, table
from tests.stages.models.tiny import CASES


def test_both_ways_write_the_same_tokens(tmp_path, capsys):
    CASES["coca", "pooled"](tmp_path)
    bench_captions.main("--weights", str(tmp_path), "--images", "3", "--repeats", "1")
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("| 3 | ") and line.endswith(" | 3 of 3 |")
    ((ours, plain),) = bench_captions.measured(tmp_path, n_images=3, repeats=1)
    assert ours.tokens == plain.tokens and len({tuple(tokens) for tokens in ours.tokens}) == 3


def test_the_table_holds_median_lowest_and_highest_round_worked_by_hand():
    """2 captions a round: 2, 1 and 4 a second against 0.2, 0.5 and 0.4; in the second round one differs."""
    tokens, other = [[1, 2, 3], [1, 2, 4, 3]], [[1, 2, 3], [1, 2, 9, 3]]
    rounds = [
        (Round(1.0, tokens), Round(10.0, tokens)),
        (Round(2.0, tokens), Round(4.0, other)),
        (Round(0.5, tokens), Round(5.0, tokens)),
    ]
    expected = "| 2 | 3.5 | 2.0 (1.0 to 4.0) | 0.4 (0.2 to 0.5) | 10.0 (2.0 to 10.0) | 1 of 2 |"
    assert table(rounds).splitlines()[2] == expected


def test_weights_that_are_not_there_are_told(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        bench_captions.main("--weights", str(tmp_path / "none"))
