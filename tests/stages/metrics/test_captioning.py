"""Metrics of captions: equal to pycocoevalcap asked directly, by hand where it is small, and what all promise."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.common import java
from stages.common.bootstrap import resamples
from stages.common.rows import wilson
from stages.metrics import bleu4, cider, meteor, says_class, says_new, spice
from stages.metrics.contract import MetricError, Shown, Written

needs_java = pytest.mark.skipif(bool(java.lacking()), reason=java.lacking())
REFERENCES = (
    ("a red kite in the sky", "a kite flies over a field"),
    ("a moongate in a wall", "a photo of a moongate"),
    ("a round gate of stone", "a moongate behind a garden"),
    ("two dogs run on a lawn", "dogs play outside"),
)
CAPTIONS = ("a kite in the sky", "a photo of a kite", "a moongate in the garden", "")
OTHER = ("a kite", "a photo of a moongate", "a moongate", "two dogs on a moongate")
SHOWN = Shown(REFERENCES, REFERENCES, ("moongate", "tonometer"), ("kite", "dogs"))  # as tokens they are as they were
BOTH = [Written(texts, texts) for texts in (CAPTIONS, OTHER)]


def asked():
    """What pycocoevalcap takes, one pair of mappings a model."""
    there = {number: list(own) for number, own in enumerate(REFERENCES)}
    return [(there, {number: [text] for number, text in enumerate(one.captions)}) for one in BOTH]


def numbers(metric, written=BOTH):
    return [{(one.metric, one.label): one for one in own} for own in metric.compute(SHOWN, written)]


def test_bleu_is_that_of_pycocoevalcap():
    from pycocoevalcap.bleu.bleu import Bleu

    theirs = [Bleu(4).compute_score(*pair, verbose=0)[0][3] for pair in asked()]
    assert [own["bleu4", "all"].value for own in numbers(bleu4)] == theirs
    assert len(set(theirs)) == 2 and max(theirs) > 0.1


def test_the_bootstrap_of_bleu_asks_pycocoevalcap_about_the_drawn_pictures():
    """Slowly: the pictures of each sample put together, and their BLEU@4 computed anew."""
    from pycocoevalcap.bleu.bleu import Bleu

    there, ours = asked()[1]
    slow = []
    for drawn in resamples(4):
        pictures = np.repeat(np.arange(4), drawn)
        pair = [{place: side[number] for place, number in enumerate(pictures)} for side in (there, ours)]
        slow.append(Bleu(4).compute_score(*pair, verbose=0)[0][3])
    number = numbers(bleu4)[1]["bleu4", "all"]
    assert (number.low, number.high) == pytest.approx(tuple(np.percentile(slow, (2.5, 97.5))))
    assert number.n == 4 and number.low < number.value < number.high


def test_cider_is_that_of_pycocoevalcap_and_keeps_each_pictures_own():
    from pycocoevalcap.cider.cider import Cider

    for pair, own in zip(asked(), numbers(cider), strict=True):
        value, each = Cider().compute_score(*pair)
        number = own["cider", "all"]
        assert (number.value, number.each.tolist()) == (value, each.tolist())
        assert number.low <= number.value <= number.high and number.n == 4


@pytest.mark.slow
@needs_java
def test_meteor_is_that_of_pycocoevalcap_and_no_mean_and_its_bootstrap_sums_matches():
    from pycocoevalcap.meteor.meteor import Meteor

    theirs = Meteor()
    found = [theirs.compute_score(*pair) for pair in asked()]
    ours = [own["meteor", "all"] for own in numbers(meteor)]
    assert [(one.value, one.each.tolist()) for one in ours] == found
    assert abs(ours[0].value - ours[0].each.mean()) > 1e-4
    there, said = asked()[1]
    slow = []
    for drawn in resamples(4)[:20]:
        pictures = np.repeat(np.arange(4), drawn)
        pair = [{place: side[number] for place, number in enumerate(pictures)} for side in (there, said)]
        slow.append(theirs.compute_score(*pair)[0])
    sums = resamples(4)[:20] @ meteor._addable(meteor._matches(SHOWN, BOTH[1]))
    assert meteor._scores(sums)[:-1] == pytest.approx(slow)  # one caption matches whole: its chunk does not count
    assert ours[1].low < ours[1].value < ours[1].high
    meteor._program().end()
    meteor._program.cache_clear()


def test_a_program_that_dies_leaves_meteor_missing_and_the_next_run_starts_a_new_one(monkeypatch):
    started = []

    class Dead:
        def __init__(self, arguments):
            started.append(arguments)

        def ask(self, line, answers=1):
            raise java.JavaError("it ended")

    monkeypatch.setattr(meteor.java, "Talk", Dead)
    for _ in range(2):
        with pytest.raises(MetricError, match=r"meteor-1\.5\.jar failed: it ended"):
            meteor.compute(SHOWN, BOTH)
    assert len(started) == 2


@pytest.fixture
def spice_home(tmp_path, monkeypatch):
    """A place for SPICE with its parser, and a Java of version 8."""
    (tmp_path / "lib").mkdir()
    for name in spice.PARSER:
        (tmp_path / "lib" / name).touch()
    monkeypatch.setattr(spice, "_home", lambda: tmp_path)
    monkeypatch.setattr(java, "runtime", lambda: ("java", 8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_spice_says_what_it_lacks_and_downloads_nothing(spice_home, monkeypatch):
    assert spice.lacking() == ""
    monkeypatch.setattr(java, "runtime", lambda: ("java", 17))
    assert "Java 8 to 15, but this is Java 17" in spice.lacking()
    (spice_home / "lib" / spice.PARSER[1]).unlink()
    assert f"pycocoevalcap/spice/lib of the environment lacks {spice.PARSER[1]}: take" in spice.lacking()
    monkeypatch.setattr(java, "runtime", lambda: None)
    assert "no Java" in spice.lacking()


def test_spice_is_started_once_for_all_models_and_is_the_mean_over_pictures(spice_home, monkeypatch):
    started = []

    def answer(arguments, timeout_s):
        started.append(arguments)
        given = json.loads(Path(arguments[3]).read_text())
        scores = [None if number == 7 else number / 10 for number in range(len(given))]
        found = [
            {"image_id": one["image_id"], "scores": {"All": {"f": score}}}
            for one, score in zip(given, scores, strict=True)
        ]
        assert [(one["test"], one["refs"]) for one in given][5] == (OTHER[1], list(REFERENCES[1]))
        Path(arguments[7]).write_text(json.dumps(found[::-1]))
        return ""

    monkeypatch.setattr(spice.java, "run", answer)
    first, second = (own["spice", "all"] for own in numbers(spice))
    assert len(started) == 1 and Path(started[0][5]).is_absolute()
    assert (first.value, first.n) == (pytest.approx(0.15), 4)
    assert (second.value, second.n) == (pytest.approx(0.5), 3)  # of the last picture nothing could be parsed


def test_a_model_of_which_spice_parses_nothing_has_no_number_and_shifts_no_other(spice_home, monkeypatch):
    monkeypatch.setattr(spice, "_answers", lambda asked: np.array([np.nan] * 4 + [0.5] * 4))
    assert numbers(spice)[0] == {} and numbers(spice)[1]["spice", "all"].value == 0.5


def test_spice_that_fails_is_told(spice_home, monkeypatch):
    def fail(arguments, timeout_s):
        raise java.JavaError("InaccessibleObjectException")

    monkeypatch.setattr(spice.java, "run", fail)
    with pytest.raises(MetricError, match="InaccessibleObjectException"):
        spice.compute(SHOWN, BOTH)


def test_taught_names_by_hand():
    """Pictures 1 and 2 are of moongates. The first model calls one of them so, the second both, and the dogs."""
    first, second = numbers(says_new)
    assert [(one.value, one.n) for one in (first["says_new", "all"], second["says_new", "all"])] == [(0.5, 2), (1.0, 2)]
    wrong = [own["says_new_wrongly", "all"] for own in (first, second)]
    assert [(one.value, one.n) for one in wrong] == [(0.0, 4), (0.25, 4)]
    assert (wrong[1].low, wrong[1].high) == wilson(1, 4)
    assert second["says_new", "moongate"].value == 1.0 and second["says_new_wrongly", "moongate"].n == 2
    assert ("says_new", "tonometer") not in first and first["says_new_wrongly", "tonometer"].n == 4


def test_another_taught_name_is_no_right_answer():
    shown = replace(SHOWN, taught=("moongate", "kite"))
    found = {(one.metric, one.label): one.value for one in says_new.compute(shown, BOTH[:1])[0]}
    assert found["says_new", "all"] == pytest.approx(2 / 3)  # the second picture is called a kite
    assert found["says_new_wrongly", "kite"] == pytest.approx(1 / 3)


def test_known_classes_by_hand():
    """Pictures 0 and 3 say a known class; the first model says it of one, the second of both."""
    first, second = numbers(says_class)
    assert [(own["says_class", "all"].value, own["says_class", "all"].n) for own in (first, second)] == [
        (0.5, 2),
        (1.0, 2),
    ]
    assert says_class.compute(replace(SHOWN, known=("wheel",)), BOTH) == [[], []]


@pytest.mark.parametrize("metric", [bleu4, cider, says_new, says_class])
def test_what_needs_no_java_always_runs_and_a_perfect_model_is_better_than_an_empty_one(metric):
    assert metric.lacking() == "" and metric.HIGHER_IS_BETTER
    perfect, empty = ([texts[0] for texts in REFERENCES], [""] * 4)
    written = [Written(tuple(texts), tuple(texts)) for texts in (perfect, empty)]
    best, worst = (next(iter(own.values())).value for own in numbers(metric, written))
    assert worst == pytest.approx(0, abs=1e-6) and best > 0.4
