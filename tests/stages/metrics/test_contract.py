"""What every metric of the folder promises; those of other tasks than classification promise more elsewhere."""

import numpy as np
import pytest

from stages.common import lookup

NAMES = lookup.names("stages.metrics")
METRICS = {name: lookup.find("stages.metrics", name, "a test") for name in NAMES}
each_metric = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(params=[name for name in NAMES if METRICS[name].TASK == "classification"])
def metric(request):
    return METRICS[request.param]


@pytest.fixture
def answers():
    generator = np.random.default_rng(0)
    return generator.normal(size=(40, 9)), generator.integers(9, size=40)


def test_the_folder_holds_the_known_metrics():
    assert {"top1", "top5", "called_new", "text_recall", "image_recall"} <= set(NAMES)
    assert {"bleu4", "meteor", "cider", "spice", "says_new", "says_class"} <= set(NAMES)
    assert {"dice", "iou", "nsd", "nsd_slab", "pointing", "agreement"} <= set(NAMES)


@each_metric
def test_direction_is_stated(name):
    assert isinstance(METRICS[name].HIGHER_IS_BETTER, bool)


@each_metric
def test_it_is_asked_of_one_benchmark_at_least(name):
    assert METRICS[name].ROLES and set(METRICS[name].ROLES) <= {"target", "retention"}


@each_metric
def test_its_task_is_one_and_can_be_read_without_importing_it(name):
    assert METRICS[name].TASK in ("classification", "retrieval", "captioning", "segmentation")
    assert lookup.constant("stages.metrics", name, "TASK") == METRICS[name].TASK


def test_chance_is_what_guessing_scores(metric):
    generator = np.random.default_rng(3)
    similarity, labels = generator.normal(size=(20_000, 9)), generator.integers(9, size=20_000)
    assert abs(metric.compute(similarity, labels, {7, 8}).mean() - metric.chance(9, 2)) < 0.02
    assert 0 <= metric.chance(3, 1) <= 1


def test_a_hit_or_a_miss_for_each_picture(metric, answers):
    hits = metric.compute(*answers, {7, 8})
    assert hits.shape == (40,)
    assert hits.dtype == bool


def test_order_of_the_pictures_does_not_matter(metric, answers):
    similarity, labels = answers
    order = np.random.default_rng(1).permutation(40)
    shuffled = metric.compute(similarity[order], labels[order], {7, 8})
    assert (shuffled == metric.compute(similarity, labels, {7, 8})[order]).all()


def test_order_of_the_classes_does_not_matter(metric, answers):
    similarity, labels = answers
    order = np.random.default_rng(1).permutation(9)
    new_place = np.argsort(order)
    shuffled = metric.compute(similarity[:, order], new_place[labels], {int(new_place[7]), int(new_place[8])})
    assert (shuffled == metric.compute(similarity, labels, {7, 8})).all()


def test_scale_of_the_similarities_does_not_matter(metric, answers):
    similarity, labels = answers
    assert (metric.compute(100 * similarity + 3, labels, {8}) == metric.compute(similarity, labels, {8})).all()


def test_a_perfect_model_scores_best(metric):
    labels = np.array([0, 1, 2, 3, 4, 5])  # all known; class 6 is new
    perfect = np.eye(7)[labels]
    assert metric.compute(perfect, labels, {6}).mean() == float(metric.HIGHER_IS_BETTER)
