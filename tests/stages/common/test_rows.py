import math
from pathlib import Path

import pytest

from stages.common.failures import UserError
from stages.common.rows import COLUMNS, read_rows, wilson, write_rows

BASELINE = dict.fromkeys(COLUMNS) | {
    "run": "x",
    "phase": "baseline",
    "setting": "name",
    "role": "target",
    "benchmark": "image_folder",
    "label": "NA",
    "metric": "top1",
    "value": 0.5,
    "n": 10,
    "chance": 0.1,
    "low": 0.2,
    "high": 0.8,
}
TAUGHT = BASELINE | {"phase": "taught", "setting": "taught", "recipe": "paper", "learning_rate": 1e-5, "seed": 0}


def test_wilson_agrees_with_numbers_worked_out_elsewhere() -> None:
    # scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(10, 10) == pytest.approx((0.7224672, 1.0), abs=1e-6)
    assert wilson(6, 10) == pytest.approx((0.3126738, 0.8318197), abs=1e-6)
    assert wilson(0, 1) == pytest.approx((0.0, 0.7934507), abs=1e-6)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_refuses_what_is_no_share(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="0 <= k <= n"):
        wilson(k, n)


def test_rows_come_back_with_numbers_as_numbers_and_a_class_called_na(tmp_path: Path) -> None:
    write_rows(tmp_path / "x.csv", [BASELINE, TAUGHT])
    table = read_rows([tmp_path / "x.csv"])
    assert tuple(table.columns) == COLUMNS
    assert list(table["label"]) == ["NA", "NA"]
    assert list(table["recipe"]) == ["", "paper"]
    assert math.isnan(table["learning_rate"][0])
    assert table["learning_rate"][1] == 1e-5
    assert (table["value"][0], table["n"][0], table["seed"][1]) == (0.5, 10, 0)


def test_the_same_number_twice_is_refused_in_one_file_and_across_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the same number is there twice: run=x, phase=taught.*learning_rate=1e-05"):
        write_rows(tmp_path / "x.csv", [TAUGHT, TAUGHT | {"value": 0.1}])
    assert not (tmp_path / "x.csv").exists()
    for name in ("x.csv", "y.csv"):
        write_rows(tmp_path / name, [BASELINE])
    with pytest.raises(UserError, match="twice"):
        read_rows([tmp_path / "x.csv", tmp_path / "y.csv"])


def test_a_row_with_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="differs in .'metrik'"):
        write_rows(tmp_path / "x.csv", [{**BASELINE, "metrik": 1}])


def test_missing_and_foreign_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none.csv does not exist"):
        read_rows([tmp_path / "none.csv"])
    with pytest.raises(UserError, match="list of files is empty"):
        read_rows([])
    (tmp_path / "x.csv").write_text("run,phase,metrics\nx,y,z\n")
    with pytest.raises(UserError, match="Did you mean 'metric'"):
        read_rows([tmp_path / "x.csv"])
