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
