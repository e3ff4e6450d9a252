"""The model of a run is loaded once where the next run starts from the same."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from stages.common import lookup
from stages.common.failures import UserError
from stages.models import contract
from tests.stages.models.tiny import run_for


@pytest.fixture
def loaded(monkeypatch):
    """Keys of the runs whose model was loaded, in order; a run called "broken" has none."""
    seen = []

    def load(run):
        if run.key == "broken":
            raise UserError("no such weights")
        seen.append(run.key)
        return object()

    monkeypatch.setattr(lookup, "find", lambda *_: SimpleNamespace(load=load))
    return seen


FIRST = run_for("weights", key="first")
SAME = replace(FIRST, key="same", concepts=("moongate",), seeds=(3,), invert={"steps": 9})


def test_a_run_of_the_same_origin_gets_the_same_model(loaded):
    loader = contract.Loader()
    assert loader.model_of(FIRST) is loader.model_of(SAME)
    assert loaded == ["first"]


@pytest.mark.parametrize("field", ["family", "weights", "architecture", "pretrained", "device"])
def test_a_run_of_another_origin_gets_its_own(loaded, field):
    loader, other = contract.Loader(), replace(FIRST, key="other", **{field: "other"})
    assert loader.model_of(FIRST) is not loader.model_of(other)
    assert loaded == ["first", "other"]


def test_a_model_that_cannot_be_loaded_is_told_each_time_and_leaves_no_other(loaded):
    loader, broken = contract.Loader(), replace(FIRST, key="broken", weights="broken")
    loader.model_of(FIRST)
    for _ in range(2):
        with pytest.raises(UserError, match="no such weights"):
            loader.model_of(broken)
    loader.model_of(FIRST)
    assert loaded == ["first", "first"]
