"""Chunks in the workshop: side by side or alone, on one device or several, made once and found again."""

import sys

import pytest
import torch

from stages.common import kept
from stages.inversion import workshop
from stages.inversion.chunks import Chunk
from stages.inversion.settings import settings_of
from stages.inversion.workshop import Workshop, read_chunk, side_by_side
from stages.models import clip
from tests.stages.models.tiny import run_for


class OnGpu:
    """A model that says it is on a GPU."""

    device = torch.device("cuda")


def chunk(text, n=2, seed=0):
    return Chunk(text, (text,) * n, (text.replace(" ", "-"),) * n, seed)


@pytest.fixture
def model(tiny_models):
    return clip.load(run_for(tiny_models["clip", "resnet"]))


@pytest.fixture
def shop(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Workshop(model, *settings_of({"steps": 6}, "a test"), ("facts",))


CHUNKS = [chunk("a cat"), chunk("two dogs on a street", 3), chunk("a cat", seed=1)]


def test_chunks_made_side_by_side_are_those_made_alone_up_to_rounding(shop, tmp_path, monkeypatch):
    together = [read_chunk(folder) for folder in shop.finished(*CHUNKS)]
    monkeypatch.chdir(tmp_path.parent)
    (tmp_path.parent / "alone").mkdir()
    monkeypatch.chdir(tmp_path.parent / "alone")
    for one, beside in zip(CHUNKS, together, strict=True):
        (folder,) = shop.finished(one)
        alone = read_chunk(folder)
        torch.testing.assert_close(beside.images, alone.images, atol=0.02, rtol=0)
        assert [point[:2] for point in beside.curve] == [point[:2] for point in alone.curve]
        shown = [[point[2:] for point in curve] for curve in (beside.curve, alone.curve)]
        torch.testing.assert_close(*map(torch.tensor, shown), atol=0.05, rtol=0.01)


def test_of_several_chunks_only_those_that_are_missing_are_made(shop, monkeypatch):
    (first,) = shop.finished(CHUNKS[0])
    stamp, made, whole = (first / "00.png").stat().st_mtime_ns, [], workshop.invert
    watched = lambda *words, **more: made.append(len(words[1])) or whole(*words, **more)  # noqa: E731
    monkeypatch.setattr(workshop, "invert", watched)
    folders = shop.finished(*CHUNKS)
    assert made == [3 + 2]
    assert folders[0] == first and (first / "00.png").stat().st_mtime_ns == stamp
    shop.finished(*CHUNKS)
    assert made == [3 + 2]


def test_a_chunk_is_found_again_whatever_else_a_process_has_loaded(shop, monkeypatch):
    before = shop.mark(CHUNKS[0])
    monkeypatch.setitem(sys.modules, "stages.models.vilt", __import__("stages.models.vilt", fromlist=["vilt"]))
    assert shop.mark(CHUNKS[0]) == before


def test_other_code_that_images_come_from_makes_another_chunk(shop, monkeypatch):
    before, digest = shop.mark(CHUNKS[0]), kept.digest
    monkeypatch.setattr(kept, "digest", lambda path: "edited" if path.name == "step.py" else digest(path))
    monkeypatch.setattr(kept, "computing", kept.computing.__wrapped__)  # as another process
    assert shop.mark(CHUNKS[0]) != before


def sizes(groups, tasks):
    return [[len(tasks[mark][1].descriptions) for mark in group] for group in groups]


def tasks_of(*numbers, facts=("facts",)):
    shops = [Workshop(OnGpu(), *settings_of({}, "a test"), facts) for _ in numbers]
    return {f"{facts}{i}": (shops[i], chunk(f"text {i}", n)) for i, n in enumerate(numbers)}


def test_on_a_cpu_each_chunk_is_made_alone(model):
    tasks = tasks_of(10, 10, 10)
    assert sizes(side_by_side(tasks, [model]), tasks) == [[10], [10], [10]]


def test_a_gpu_gets_chunks_up_to_as_many_images_as_keep_it_busy(monkeypatch):
    monkeypatch.setattr(workshop, "SIDE_BY_SIDE", 25)
    tasks = tasks_of(10, 10, 10, 30, 5)
    assert sizes(side_by_side(tasks, [OnGpu()]), tasks) == [[10, 10], [10], [30], [5]]


def test_several_gpus_share_what_one_would_do_at_once():
    tasks = tasks_of(10, 10, 10, 10)
    assert sizes(side_by_side(tasks, [OnGpu()] * 2), tasks) == [[10, 10], [10, 10]]


def test_runs_that_invert_otherwise_are_not_mixed():
    tasks = {**tasks_of(10, 10), **tasks_of(10, facts=("others",))}
    assert sizes(side_by_side(tasks, [OnGpu()]), tasks) == [[10, 10], [10]]
