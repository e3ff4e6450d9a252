from typing import Literal

import pytest

from stages.common import checks
from stages.common.failures import UserError


@pytest.mark.parametrize(
    ("value", "kind", "same"),
    [
        (1, float, 1.0),
        ([1, 2], tuple[float, ...], (1.0, 2.0)),
        (None, str | None, None),
        ("a", Literal["a", "b"], "a"),
        ({"a": 1}, dict, {"a": 1}),
        (False, bool, False),
    ],
)
def test_a_value_of_the_right_kind_comes_through(value: object, kind: object, same: object) -> None:
    found = checks.typed(value, kind, "x")
    assert (found, type(found)) == (same, type(same))


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (True, int, "x says True, but must be a whole number"),
        (True, float, "x says True, but must be a number"),
        (1, bool, "x says 1, but must be true or false"),
        ("1e-4", float, "Write it without quotes, like 1.0e-4"),
        ("abc", tuple[str, ...], "must be a list, such as"),
        (None, str, "x says None, but must be a text"),
        (float("inf"), float, "finite"),
        (["a"], Literal["a", "b"], "Allowed: 'a', 'b'"),
    ],
)
def test_a_value_of_another_kind_is_told(value: object, kind: object, told: str) -> None:
    with pytest.raises(UserError, match=told):
        checks.typed(value, kind, "x")


@pytest.mark.parametrize("name", ["", "A", "-a", "a/b", "..", "a b", "ä", "a.b", 3, None, "a\n"])
def test_names_that_are_no_safe_path_are_refused(name: object) -> None:
    with pytest.raises(UserError, match=r"params.yaml: runs.*must start with a small letter or a digit"):
        checks.safe_name(name, "params.yaml: runs")


def test_safe_names_pass() -> None:
    for name in ("a", "0", "world-together", "clip_b32"):
        checks.safe_name(name, "x")


def test_of_a_thousand_allowed_names_an_error_lists_the_first_and_the_nearest() -> None:
    names = {f"thing{number:03d}": number for number in range(1000)}
    with pytest.raises(
        UserError, match=r"says 'thing99'\. Did you mean 'thing9\d+'\? Allowed: 'thing000', "
    ) as refused:
        checks.one_of("thing99", names, "x")
    assert str(refused.value).endswith("'thing039' and 960 more.")


def test_a_value_that_stands_twice_is_told_whatever_stands_between() -> None:
    checks.distinct(["a", "b", "c"], "x")
    with pytest.raises(UserError, match="x lists 'a' twice"):
        checks.distinct(["a", "b", "a"], "x")
