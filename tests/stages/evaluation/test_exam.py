"""An exam: which names stand beside which picture, in which words, and rows worked by hand."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from stages.benchmarks.contract import Benchmark
from stages.common import lookup
from stages.common.captioned import Captions
from stages.common.failures import UserError
from stages.common.images import Fit
from stages.common.known_classes import KnownClass
from stages.evaluation.exam import Exam, counted, exam_of, own_prompts, prompts_of
from stages.evaluation.question import Question

KNOWN = {"arch": KnownClass("arch", "a bow"), "kite": KnownClass("kite")}
MOONGATE = {"name": "moongate", "article": "a", "description": "a round opening"}


def question(role, labels, classes=("arch", "kite", "moongate"), new=(2,)):
    benchmark = Benchmark(f"{role}_pictures", "classification", classes, (), ())
    return Question(role, benchmark, "", (), classes, np.array(labels), frozenset(new))


def rows_of(scores, asked, metrics=("top1", "called_new")):
    found = {name: lookup.find("stages.metrics", name, "a test") for name in metrics}
    exam = Exam("run", [asked], found)
    return list(exam.rows(lambda _: np.array(scores, float), phase="taught", setting="taught", seed=0))


SCORES = [[3, 2, 1], [1, 2, 3], [1, 3, 2], [1, 2, 3]]  # answers: arch, moongate, kite, moongate


def test_retention_is_asked_among_known_and_taught_names():
    rows = {(row["label"], row["metric"]): row for row in rows_of(SCORES, question("retention", [0, 0, 1, 1]))}
    assert {key: row["value"] for key, row in rows.items()} == {
        ("all", "top1"): 0.5,
        ("arch", "top1"): 0.5,
        ("kite", "top1"): 0.5,
        ("all", "called_new"): 0.5,
        ("arch", "called_new"): 0.5,
        ("kite", "called_new"): 0.5,
    }
    assert rows["all", "top1"]["n"] == 4 and rows["arch", "top1"]["n"] == 2
    assert rows["all", "top1"]["chance"] == rows["all", "called_new"]["chance"] == pytest.approx(1 / 3, abs=1e-6)


def test_the_target_is_not_asked_whether_it_is_called_by_its_name():
    rows = rows_of(SCORES, question("target", [2, 2, 2, 2]))
    assert [(row["label"], row["metric"], row["value"]) for row in rows] == [
        ("all", "top1", 0.5),
        ("moongate", "top1", 0.5),
    ]


def test_where_no_taught_name_is_offered_nobody_counts_how_often_it_is_taken():
    rows = rows_of([[3, 2], [1, 2]], question("retention", [0, 1], ("arch", "kite"), ()))
    assert {row["metric"] for row in rows} == {"top1"}


def test_the_best_five_are_asked_for_only_where_there_are_more():
    assert rows_of(SCORES, question("retention", [0, 0, 1, 1]), ["top5"]) == []
    classes = tuple("abcdef")
    (row, *_) = rows_of([[6, 5, 4, 3, 2, 1]] * 2, question("retention", [0, 5], classes, (4,)), ["top5"])
    assert (row["chance"], row["value"]) == (0.833333, 0.5)


def test_a_share_has_its_wilson_interval():
    assert counted(np.array([True] * 10)) == {"value": 1.0, "n": 10, "low": 0.722467, "high": 1.0}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Two known classes, and a target benchmark with one class more than is taught."""
    monkeypatch.chdir(tmp_path)
    for folder in ("target/moongate", "target/torii", "retention/arch", "retention/kite"):
        Path(folder).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (8, 8), (40 * number, 0, 0)).save(Path(folder) / f"{number}.png")
    places = {f"{role}_benchmark": "image_folder" for role in ("target", "retention")}
    places |= {f"{role}_data": role for role in ("target", "retention")}
    own = {"key": "small", "candidates": "all", "metrics": ("top1",), "templates": ("a photo of {}",)}
    return SimpleNamespace(**places, **own)


def names_of(exam):
    return {asked.role: asked.classes for asked in exam.questions}


def test_both_benchmarks_are_asked_among_all_names_unless_params_says_otherwise(run):
    exam = exam_of(run, [MOONGATE], KNOWN, Fit(8))
    assert names_of(exam) == dict.fromkeys(("target", "retention"), ("arch", "kite", "moongate"))
    assert [asked.labels.tolist() for asked in exam.questions] == [[2, 2], [0, 0, 1, 1]]
    assert [asked.new for asked in exam.questions] == [{2}, {2}]


def test_each_benchmark_may_be_asked_among_its_own_classes_with_the_taught_ones_pictures_alone(run):
    run.candidates = "benchmark"
    target, retention = exam_of(run, [MOONGATE], KNOWN, Fit(8)).questions
    assert (target.classes, target.new) == (("moongate", "torii"), {0})
    assert {path.parent.name for path in target.benchmark.paths} == {"moongate"}
    assert target.labels.tolist() == [0, 0]
    assert (retention.classes, retention.new) == (("arch", "kite"), frozenset())


def test_a_taught_name_that_the_benchmark_lacks_is_told_with_the_nearest(run):
    run.candidates = "benchmark"
    with pytest.raises(UserError, match="target has no pictures for 1 of 1 classes: moongaet. Did you mean 'moongate'"):
        exam_of(run, [{**MOONGATE, "name": "moongaet"}], KNOWN, Fit(8))


@pytest.mark.parametrize("candidates", ["all", "benchmark"])
def test_a_name_with_a_sign_finds_its_folder_and_is_asked_as_it_is_taught(run, candidates):
    run.candidates = candidates
    Path("target/moongate").rename("target/moon_s_gate")
    target, _ = exam_of(run, [{**MOONGATE, "name": "moon's gate"}], KNOWN, Fit(8)).questions
    assert {target.classes[label] for label in target.labels} == {"moon's gate"}
    assert [target.classes[column] for column in target.new] == ["moon's gate"]
    assert "moon s gate" not in target.classes


def test_the_untouched_model_is_asked_in_three_ways_and_by_name_where_nobody_described(run):
    run.candidates = "benchmark"
    exam = exam_of(run, [MOONGATE], KNOWN, Fit(8))
    assert prompts_of(run, exam, [MOONGATE], KNOWN) == {
        "name": {
            "moongate": ("a photo of a moongate",),
            "torii": ("a photo of a torii",),
            "arch": ("a photo of an arch",),
            "kite": ("a photo of a kite",),
        },
        "description": {
            "moongate": ("a round opening",),
            "torii": ("a photo of a torii",),
            "arch": ("a bow",),
            "kite": ("a photo of a kite",),
        },
        "name and description": {
            "moongate": ("a photo of a moongate, a round opening",),
            "torii": ("a photo of a torii",),
            "arch": ("a photo of an arch, a bow",),
            "kite": ("a photo of a kite",),
        },
    }


def test_several_templates_and_prompts_of_a_class_are_an_ensemble(run):
    run.templates = ("a photo of {}", "a drawing of {}")
    known = {**KNOWN, "arch": KnownClass("arch", "a bow", ("the arch",))}
    asked = prompts_of(run, exam_of(run, [MOONGATE], known, Fit(8)), [MOONGATE], known)["name"]
    assert asked["moongate"] == ("a photo of a moongate", "a drawing of a moongate")
    assert asked["arch"] == ("the arch",)
    own = {**MOONGATE, "prompts": ["a gate like the moon"]}
    asked = prompts_of(run, exam_of(run, [own], known, Fit(8)), [own], known)["name"]
    assert asked["moongate"] == ("a gate like the moon",)
    assert own_prompts([own], known) == {"arch": ("the arch",), "moongate": ("a gate like the moon",)}
    assert own_prompts([MOONGATE], KNOWN) == {}


def test_what_was_asked_is_told_with_the_files_that_could_not_be_used(run, capsys):
    Path("target/moongate/9.png").write_bytes(b"no picture")
    facts = exam_of(run, [MOONGATE], KNOWN, Fit(8)).facts(run, {"arch": ("the arch",)})
    (fault,) = facts["target"].pop("faults")
    assert "9.png" in fault["file"] and fault["reason"]
    assert "9.png: " in capsys.readouterr().out
    assert facts["target"] == {
        "benchmark": "target",
        "task": "classification",
        "data": "target",
        "pictures": 2,
        "classes_shown": 1,
        "classes_asked": ["arch", "kite", "moongate"],
        "candidates": "all",
        "templates": ["a photo of {}"],
        "own_prompts": {"arch": ["the arch"]},
    }
    assert facts["retention"]["faults"] == []


def test_of_many_faults_the_first_are_printed_and_the_rest_counted(run, capsys, monkeypatch):
    monkeypatch.setattr("stages.evaluation.question.TOLD", 1)
    for number in (7, 8, 9):
        Path(f"target/moongate/{number}.png").write_bytes(b"no picture")
    exam_of(run, [MOONGATE], KNOWN, Fit(8))
    said = capsys.readouterr().out
    assert "moongate/7.png: " in said and "moongate/8.png" not in said and "target: 2 more faults, all in" in said


PAIRS = [[3, 1, 2], [2, 9, 1]]  # worked by hand in tests/stages/metrics/test_recalls.py
RECALLS = ("text_recall", "image_recall")


def captions(owners=(0, 0, 1)):
    files = tuple(Path(f"{number}.png") for number in range(max(owners) + 1))
    texts = tuple(f"caption {number}" for number in range(len(owners)))
    return Question("target", Captions("told", files, texts, owners), "", (), texts, np.array(owners), frozenset())


def test_recalls_are_rows_of_their_own_each_with_its_queries_and_its_chance():
    rows = {row["metric"]: row for row in rows_of(PAIRS, captions(), (*RECALLS, "top1", "called_new"))}
    assert list(rows) == ["text_recall@1", "image_recall@1"]  # at 5 and 10 nothing else can happen
    text, image = rows.values()
    assert (text["value"], text["n"], text["chance"]) == (0.5, 2, 0.5)  # 2 of 3 captions and 1 of 3
    assert (image["value"], image["n"], image["chance"]) == (0.333333, 3, 0.5)
    assert {row["label"] for row in rows.values()} == {"all"} and text["benchmark"] == "told"
    assert (text["low"], text["high"]) == (counted(np.array([True, False]))["low"], 0.905469)


def test_each_k_has_its_row_where_there_is_enough_to_choose_from():
    owners = tuple(range(11))
    scores = np.zeros((11, 11))
    scores[np.arange(11), np.arange(11)] = [2] * 6 + [-1] * 5
    found = {row["metric"]: row["value"] for row in rows_of(scores, captions(owners), RECALLS)}
    assert list(found) == [f"{name}@{k}" for name in RECALLS for k in (1, 5, 10)]
    assert found["text_recall@1"] == found["image_recall@10"] == 0.545455  # of the others all are closer


def test_metrics_of_captions_are_not_asked_of_classes():
    rows = rows_of(SCORES, question("target", [2, 2, 2, 2]), ("top1", *RECALLS))
    assert {row["metric"] for row in rows} == {"top1"}


def test_captions_are_asked_once_of_the_untouched_model():
    metrics = {name: lookup.find("stages.metrics", name, "a test") for name in RECALLS}
    asked, exam = [], Exam("run", [captions()], metrics)

    def similarity(question):
        asked.append(question)
        return np.array(PAIRS, float)

    rows = [list(exam.rows(similarity, phase="baseline", setting=way)) for way in ("name", "description")]
    assert [len(own) for own in rows] == [2, 0] and len(asked) == 1


def test_a_caption_is_its_own_prompt_and_no_class(run):
    Path("told").mkdir()
    Path("target/moongate/0.png").rename("told/0.png")
    Path("told/captions.json").write_text('{"0.png": ["a red gate", "a gate"]}')
    run.target_benchmark, run.target_data, run.candidates = "captioned_folder", "told", "benchmark"
    exam = exam_of(run, [MOONGATE], KNOWN, Fit(8))
    target, retention = exam.questions
    assert target.is_retrieval and not retention.is_retrieval
    assert (target.classes, target.labels.tolist(), target.new) == (("a red gate", "a gate"), [0, 0], frozenset())
    prompts = prompts_of(run, exam, [MOONGATE], KNOWN)["name"]
    assert set(prompts) == {"arch", "kite"}
    assert target.prompts(prompts) == [("a red gate",), ("a gate",)]
    assert retention.prompts(prompts) == [("a photo of an arch",), ("a photo of a kite",)]
    assert exam.facts(run, {})["target"] == {
        "benchmark": "told",
        "task": "retrieval",
        "data": "told",
        "pictures": 1,
        "captions": 2,
        "faults": [],
    }
    assert [len(part) for part in target.pictures] == [1]


def test_a_pre_filter_is_named_beside_what_was_asked(run):
    run.candidates = {"keep": 20, "family": "clip", "weights": "data/weights/tiny_clip"}
    exam = exam_of(run, [MOONGATE], KNOWN, Fit(8))
    assert names_of(exam) == dict.fromkeys(("target", "retention"), ("arch", "kite", "moongate"))
    assert [fact["prefilter"] for fact in exam.facts(run, {}).values()] == [run.candidates] * 2
