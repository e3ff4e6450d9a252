import itertools

import pytest
import torch

from stages.speed import limit
from stages.speed.stopwatch import clock_of


def test_a_rate_is_the_operations_of_a_product_over_its_seconds():
    now = itertools.count(step=4).__next__  # each repetition begins and ends: 4 s
    assert limit.rates(torch.device("cpu"), "float32", now, side=8) == [2 * 8**3 / 4] * 5


def test_the_limit_is_the_median_so_that_one_disturbance_does_not_count(monkeypatch):
    monkeypatch.setattr(limit, "rates", lambda *_: [5.0, 1.0, 4.0, 6.0, 5.5])
    assert limit.limit(torch.device("cpu"), "float32", float) == 5.0


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_product_has_the_precision_asked_for(precision, monkeypatch):
    seen, product = [], torch.mm
    monkeypatch.setattr(torch, "mm", lambda *pair, **more: seen.append(pair[0].dtype) or product(*pair, **more))
    device = torch.device("cpu")
    assert all(rate > 0 for rate in limit.rates(device, precision, clock_of(device), side=8))
    assert set(seen) == {getattr(torch, precision)}
