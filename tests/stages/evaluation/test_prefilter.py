"""A pre-filter: which pairs the embeddings of two quick encoders let through, worked by hand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from stages.benchmarks.contract import Benchmark
from stages.common import lookup
from stages.common.images import Fit
from stages.evaluation import prefilter
from stages.evaluation.prefilter import allowed
from stages.evaluation.question import Question
from tests.stages.models.tiny import run_for

WAYS = {"arch": ("an arch", "the arch"), "kite": ("a kite",), "bell": ("a bell",), "moongate": ("a moongate",)}
NEAR = [[0.9, 0.8, 0.1, 0.2], [0.7, 0.95, 0.3, 0.0], [0.6, 0.5, 0.2, 0.1]]


@pytest.fixture
def question(tmp_path):
    files = tuple(tmp_path / f"{number}.png" for number in range(3))
    for file in files:
        Image.effect_noise((20, 20), 90).convert("RGB").save(file)
    benchmark = Benchmark("b", "classification", tuple(WAYS), files, (0, 1, 2))
    return Question("target", benchmark, "", None, tuple(WAYS), np.array([0, 1, 2]), frozenset())


@pytest.fixture
def scripted(monkeypatch):
    """A quick model that finds NEAR; gives what it was loaded for and asked."""
    found = SimpleNamespace(fit=Fit(8), runs=[], columns=[])

    def similarity(images, columns):
        found.columns.append(columns)
        return torch.tensor(NEAR)[: len(images)]

    found.similarity = similarity
    found.load = lambda run: found.runs.append(run) or found
    monkeypatch.setattr(lookup, "find", lambda package, name, asked_by: found)
    return found


def joint_run(keep, **more):
    candidates = {"keep": keep, "family": "clip", "weights": "quick", **more}
    return run_for("joint", "vilt", architecture=None, pretrained=None, candidates=candidates)


def test_without_one_every_pair_is_scored(question):
    assert allowed(replace(joint_run(1), candidates="all"), question, WAYS) is None


def test_kept_are_the_nearest_of_each_row_and_of_each_column(question, scripted):
    """Rows: the first and, twice, the other; columns: the highest of each stands in row 0, 1, 1 and 0."""
    wanted = [[1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0]]
    assert allowed(joint_run(1), question, WAYS).astype(int).tolist() == wanted
    assert scripted.columns == [[*WAYS.values()]]


def test_more_are_kept_where_more_are_asked_for(question, scripted):
    rows = [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]]
    columns = [[1, 1, 0, 1], [1, 1, 1, 0], [0, 0, 1, 1]]
    found = allowed(joint_run(2), question, WAYS).astype(int)
    assert found.tolist() == np.maximum(rows, columns).tolist()
    assert allowed(joint_run(100), question, WAYS).all()


def test_of_equally_near_ones_the_first_is_kept_and_no_more(question, scripted, monkeypatch):
    monkeypatch.setitem(globals(), "NEAR", [[0.5] * 4] * 3)
    assert allowed(joint_run(1), question, WAYS).astype(int).tolist() == [[1, 1, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0]]


def test_the_model_is_the_one_that_candidates_names_on_the_runs_own_device(question, scripted):
    allowed(joint_run(1, architecture="ViT-B-32", pretrained="openai"), question, WAYS)
    (run,) = scripted.runs
    assert (run.family, run.weights, run.architecture, run.pretrained) == ("clip", "quick", "ViT-B-32", "openai")
    assert (run.device, run.key) == ("cpu", "tiny")
    allowed(joint_run(1), question, WAYS)
    assert (scripted.runs[1].architecture, scripted.runs[1].pretrained) == (None, None)


def test_a_real_model_keeps_what_it_finds_nearest(question, tiny_models):
    run = joint_run(1, weights=str(tiny_models["clip", "resnet"]))
    quick = prefilter.lookup.find("stages.models", "clip", "a test").load(run_for(tiny_models["clip", "resnet"]))
    images = torch.cat(list(prefilter.Pictures(question.benchmark.paths, quick.fit)))
    near = quick.similarity(images, list(WAYS.values())).numpy()
    found = allowed(run, question, WAYS)
    assert found[np.arange(3), near.argmax(axis=1)].all() and found[near.argmax(axis=0), np.arange(4)].all()
    assert found.sum() <= 3 + 4
