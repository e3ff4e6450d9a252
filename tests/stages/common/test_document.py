from pathlib import Path

import pytest

from stages.common.document import place, read
from stages.common.failures import UserError

TEXT = """\
shared: &shared {steps: &n 100, is_on: &on true}
other: &other
  steps: 5
  rate: 0.1
run:
  <<: [*shared, *other]
  again: *on
  list: [*n, {a: 1}]
"""


def test_values_are_plain_and_the_first_merged_mapping_wins(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(TEXT)
    run = read(tmp_path / "x.yaml")["run"]
    assert run == {"steps": 100, "is_on": True, "rate": 0.1, "again": True, "list": [100, {"a": 1}]}
    assert {type(run[key]) for key in ("is_on", "again")} == {bool}
    assert (type(run["steps"]), type(run["rate"]), type(run["list"][0])) == (int, float, int)


def test_each_key_knows_the_line_where_its_value_was_written(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(TEXT)
    run = read(tmp_path / "x.yaml")["run"]
    assert run.lines == {"steps": 1, "is_on": 1, "rate": 4, "again": 7, "list": 8}
    assert place("x.yaml: run", run, "rate") == "x.yaml line 4: run.rate"
    assert place("x.yaml:", run, "unheard") == "x.yaml: unheard"
    assert place("x.yaml: run", {"rate": 1}, "rate") == "x.yaml: run.rate"


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(UserError, match="is no YAML text"):
        read(tmp_path / "x.yaml")
