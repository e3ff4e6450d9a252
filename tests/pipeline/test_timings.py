"""The timing table: of every item the last run that finished, and shares that add up."""

import pytest

from pipeline import timings
from pipeline.mistakes import UserError

GRAPH = """
stages:
  draw: {cmd: x}
  invert: {foreach: "${runs}", do: {cmd: x}}
"""
HEADER = "stage,key,started,seconds,exit_code\n"
OLD = """\
draw,,2026-01-01T10:00:00+00:00,50.00,0
invert,small,2026-01-01T10:01:00+00:00,90.00,0
"""
NEW = """\
invert,small,2026-01-02T10:00:00+00:00,30.00,0
invert,large,2026-01-02T10:01:00+00:00,20.00,0
invert,large,2026-01-02T10:02:00+00:00,7.00,1
invert,gone,2026-01-02T10:03:00+00:00,5.00,0
"""


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(GRAPH)
    (tmp_path / "params.yaml").write_text("runs: {small: 1, large: 2}\n")
    (tmp_path / timings.TIMINGS.parent).mkdir(parents=True)


def table(rows):
    timings.TIMINGS.write_text(HEADER + rows)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in timings.lines()[2:]]


def test_the_last_run_that_finished_counts_and_items_that_are_gone_do_not():
    assert table(OLD + NEW)[:3] == [
        ["draw", "", "2026-01-01 10:00", "50.0", "50.0%"],
        ["invert", "small", "2026-01-02 10:00", "30.0", "30.0%"],
        ["invert", "large", "2026-01-02 10:01", "20.0", "20.0%"],
    ]


def test_below_stand_the_sum_of_each_stage_and_of_all():
    assert table(OLD + NEW)[3:] == [
        ["**draw**", "all", "", "50.0", "50.0%"],
        ["**invert**", "all", "", "50.0", "50.0%"],
        ["**together**", "", "", "100.0", "100.0%"],
    ]


def test_a_process_of_several_keys_counts_once_until_each_has_a_later_run():
    both = "invert,small large,2026-01-01T10:00:00+00:00,40.00,0\n"
    small = "invert,small,2026-01-02T10:00:00+00:00,30.00,0\n"
    large = "invert,large,2026-01-02T10:01:00+00:00,20.00,0\n"
    assert [row[3] for row in table(both)] == ["40.0", "40.0", "40.0"]
    assert [row[3] for row in table(both + small)][:2] == ["40.0", "30.0"]
    assert [row[3] for row in table(both + small + large)][:2] == ["30.0", "20.0"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no data/timings/stages.csv yet"),
        (HEADER, "no finished run"),
        (HEADER + "draw,,2026,quick,0\n", "line 2, is no line about a stage"),
        (HEADER + "draw\n", "no finished run"),
        ("what,else\n1,2\n", "line 2, is no line about a stage"),
    ],
    ids=["no file", "no line", "no number", "cut off", "another table"],
)
def test_a_file_that_cannot_be_used_is_told(content, told):
    if content is not None:
        timings.TIMINGS.write_text(content)
    with pytest.raises(UserError, match=told):
        timings.lines()
