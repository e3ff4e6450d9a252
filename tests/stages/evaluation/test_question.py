"""Questions for masks: which pictures, by which names, and those that the lot leaves."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.common.failures import UserError
from stages.common.images import Fit
from stages.common.masked import Masked
from stages.evaluation.question import drawn_by_lot, question_of
from tests.stages.benchmarks import drawn_masked
from tests.stages.models.tiny import run_for

CLASSES = ("arch", "moongate", "torii", "traffic_light")  # folders; torii is neither taught nor known
KNOWN = ["kite", "traffic light", "arch"]


@pytest.fixture(autouse=True)
def _pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn_masked.segmentation_folder("things", CLASSES, n=2, form="classes")
    drawn_masked.segmentation_folder("plain", n=3)


def asked(taught=("moongate",), fit=None, **fields):
    own = {"target_benchmark": "segmentation_folder", "target_data": "things", "segmentation": {}}
    run = run_for(Path(), key="small", **own | fields)
    return question_of(run, "target", [*taught], KNOWN, fit or Fit(16))


def test_taught_names_come_first_and_known_things_are_asked_by_the_names_they_are_known_by():
    question = asked()
    assert question.classes == question.benchmark.classes == ("moongate", *KNOWN[1:])
    assert question.new == {0} and question.role == "target"
    for path, label in zip(question.benchmark.paths, question.labels, strict=True):
        assert path.parts[1].replace("_", " ") == question.classes[label]
    assert question.is_new.tolist() == [label == 0 for label in question.labels]
    assert question.is_new.sum() == 3  # one of the other class is empty


def test_taught_names_stand_in_the_order_in_which_they_are_taught():
    question = asked(("torii", "moongate"))
    assert question.classes[:2] == ("torii", "moongate") and question.new == {0, 1}
    names = {question.classes[label] for label in question.labels[~question.is_new]}
    assert names == {"arch", "traffic light"}


def test_what_shows_neither_is_left_out_and_told(capsys):
    question = asked()
    assert not any("torii" in str(path) for path in question.benchmark.paths)
    assert "things: left out, for they are neither taught nor known: torii" in capsys.readouterr().out


def test_a_taught_name_without_masks_is_told_with_what_there_is():
    with pytest.raises(UserError, match=r"things has no folders for 1 of 4 classes: moongates. Did you"):
        asked(("torii", "moongates"))


def test_masks_without_names_show_the_one_thing_that_is_taught():
    question = asked(target_data="plain")
    assert question.classes == ("moongate",) and question.is_new.all() and len(question.labels) == 3
    with pytest.raises(UserError, match=r"runs.small.concepts names 2, but plain does not say what its masks show"):
        asked(("moongate", "torii"), target_data="plain")


@pytest.mark.parametrize("fit", [Fit(16), Fit(16, "pad"), Fit(16, patch=8)], ids=["cut", "filled", "own shape"])
def test_a_picture_is_seen_whole_so_that_its_map_lies_on_all_of_it(fit):
    question = asked(fit=fit)
    (images,) = question.pictures
    (own,) = asked(fit=Fit(16, "squash")).pictures
    assert images.shape == (len(question.labels), 3, 16, 16) and torch.equal(images, own)


def test_a_question_about_some_pictures_shows_these_and_their_labels():
    question = asked()
    some = question.about(drawn_by_lot(question.benchmark, 4))
    places = [question.benchmark.paths.index(path) for path in some.benchmark.paths]
    assert places == sorted(places) and len(places) == 4
    assert torch.equal(torch.cat([*some.pictures]), torch.cat([*question.pictures])[places])
    assert some.labels.tolist() == question.labels[places].tolist()
    assert (some.classes, some.new) == (question.classes, question.new)


def benchmark(n):
    paths = tuple(Path(f"{number}.png") for number in range(n))
    return Masked("b", paths, ("a", "b"), tuple(number % 2 for number in range(n)), mask=np.asarray)


def test_more_pictures_by_lot_are_those_of_fewer_and_some_besides():
    whole, drawn = benchmark(20), [drawn_by_lot(benchmark(20), n) for n in range(1, 20)]
    for n, (fewer, more) in enumerate(pairwise(drawn), 1):
        assert len(fewer.paths) == n and {*fewer.paths} < {*more.paths}
        assert [path for path in whole.paths if path in fewer.paths] == [*fewer.paths]
        assert fewer.labels == tuple(int(path.stem) % 2 for path in fewer.paths)
    assert drawn_by_lot(whole, 20) == drawn_by_lot(whole, 99) == whole
    assert drawn[4].paths != whole.paths[:5]


def test_a_picture_more_in_the_data_changes_no_lot():
    few, many = drawn_by_lot(benchmark(19), 5), drawn_by_lot(benchmark(20), 6)
    assert {*drawn_by_lot(benchmark(20), 5).paths} - {*few.paths} <= {Path("19.png")}
    assert {*few.paths} - {*many.paths} == set()


def test_what_the_lot_leaves_are_all_others():
    whole = benchmark(9)
    chosen, others = drawn_by_lot(whole, 4), drawn_by_lot(whole, 4, others=True)
    assert sorted([*chosen.paths, *others.paths]) == sorted(whole.paths) and len(others.paths) == 5
    assert drawn_by_lot(whole, 9, others=True).paths == ()


def test_a_run_asks_about_so_many_pictures_the_same_each_time():
    few, more = (asked(segmentation={"pictures": n}).benchmark.paths for n in (3, 6))
    assert few == asked(segmentation={"pictures": 3}).benchmark.paths and len(few) == 3
    assert {*few} < {*more} and len(more) == 6


def test_a_modality_is_handed_to_the_benchmark_that_has_some(monkeypatch):
    from stages.benchmarks import brats23_glioma

    seen = []
    load = brats23_glioma.load
    monkeypatch.setattr(brats23_glioma, "load", lambda root, classes, **more: seen.append(more) or load(root, **more))
    drawn_masked.brats23_glioma("mri", 1)
    for segmentation in ({"modality": "t1c"}, {}):
        asked(target_benchmark="brats23_glioma", target_data="mri", segmentation=segmentation)
    assert seen == [{"modality": "t1c"}, {}]
