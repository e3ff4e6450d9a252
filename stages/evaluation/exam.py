"""What a run is examined in: two benchmarks, the names among which a picture is asked, and the rows of the answers.

A benchmark of retrieval takes the captions for the names: each is asked of every picture as it is, once. Those of
captioning and segmentation have no names to choose among; captioning.py and segmentation.py beside this file ask them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np

from stages.common import lookup
from stages.common.images import Fit
from stages.common.known_classes import KnownClass
from stages.common.masked import Masked
from stages.common.params import Run
from stages.common.rows import wilson
from stages.common.taught import asked_for
from stages.evaluation.question import Prompts, Question, question_of

Row = dict[str, object]
Concept = Mapping[str, Any]  # an entry of data/lessons/RUN.json


@dataclass(frozen=True)
class Exam:
    """All that is asked of every checkpoint of a run.

    Attributes:
        run: its key.
        questions: the benchmarks whose pictures are asked among something; both, or the retention benchmark alone.
        metrics: name -> module; each is asked of the benchmarks of its task.
        captioned: the target where it asks for captions, else None.
        segmented: the target where it asks for masks, else None.
    """

    run: str
    questions: list[Question]
    metrics: dict[str, ModuleType]
    captioned: Question | None = None
    segmented: Question | None = None

    def rows(self, similarity: Callable[[Question], np.ndarray], **setting: object) -> Iterator[Row]:
        """All rows of one checkpoint.

        Args:
            similarity: [N, K] of a question's pictures and its columns' prompts; -inf for a pair that was left out.
            setting: phase, setting, recipe, learning_rate, seed. The untouched model is asked for captions only where
                the setting is "name": there are no two ways to say them.
        """
        is_said_otherwise = setting["phase"] == "baseline" and setting["setting"] != "name"
        for question in self.questions:
            if question.is_retrieval and is_said_otherwise:
                continue
            for name, chance, hits in self._answers(question, similarity(question)):
                if chance in (0, 1):  # what cannot happen, or cannot but happen
                    continue
                for label, chosen in _labels(question, len(hits)):
                    yield (
                        {"run": self.run, **setting, "role": question.role, "benchmark": question.benchmark.name}
                        | {"label": label, "metric": name, "chance": chance}
                        | counted(hits[chosen])
                    )

    def _answers(self, question: Question, scores: np.ndarray) -> Iterator[tuple[str, float, np.ndarray]]:
        """Of each number that is asked of a question its name, chance, and for each query whether it is a hit."""
        for name, metric in self.metrics.items():
            if question.benchmark.task != metric.TASK or question.role not in metric.ROLES:
                continue
            if question.is_retrieval:
                places = metric.compute(scores, question.labels)
                for at in metric.AT:
                    yield f"{name}@{at}", round(metric.chance(question.labels, at), 6), places <= at
            else:
                chance = metric.chance(len(question.classes), len(question.new))
                yield name, round(chance, 6), metric.compute(scores, question.labels, set(question.new))

    def facts(self, run: Run, own: Prompts) -> dict[str, dict[str, object]]:
        """What was asked, for data/rows/RUN.benchmarks.json: for each role pictures, classes, prompts and faults."""
        questions = [*filter(None, [self.captioned, self.segmented]), *self.questions]
        return {question.role: _facts(question, run, own) for question in questions}


def _labels(question: Question, n: int) -> Iterator[tuple[str, np.ndarray]]:
    """Of all `n` queries and, where there are classes, of each class: its name, and the numbers of its queries."""
    yield "all", np.arange(n)
    if question.is_retrieval:
        return
    order = np.argsort(question.labels, kind="stable")  # not a comparison for each class: there may be a thousand
    columns, begins = np.unique(question.labels[order], return_index=True)
    for column, part in zip(columns, np.split(order, begins[1:]), strict=True):
        yield question.classes[column], part


def counted(hits: np.ndarray) -> Row:
    """Share of hits with n and its 95 % Wilson interval."""
    low, high = wilson(int(hits.sum()), len(hits))
    return {"value": round(float(hits.mean()), 6), "n": len(hits), "low": round(low, 6), "high": round(high, 6)}


def _facts(question: Question, run: Run, own: Prompts) -> dict[str, object]:
    faults = [asdict(fault) for fault in question.benchmark.faults]
    own_data = {"benchmark": question.benchmark.name, "task": question.benchmark.task, "data": question.data}
    if isinstance(run.candidates, Mapping):
        own_data["prefilter"] = dict(run.candidates)
    if isinstance(question.benchmark, Masked):
        taught, masked = [question.classes[column] for column in sorted(question.new)], question.benchmark
        known = [name for name in question.classes if name not in taught]
        pictures = {"pictures": int(question.is_new.sum())}
        pictures["known_pictures"] = len(question.labels) - pictures["pictures"]
        shown = {"taught": taught, "known": known, "negatives": masked.negatives, "templates": list(run.templates)}
        shown["own_prompts"] = {name: list(own[name]) for name in question.classes if name in own}
        return {**own_data, **pictures, **shown, "faults": faults}
    if question.benchmark.task != "classification":
        sentences = "captions" if question.is_retrieval else "references"
        shown = {"pictures": len(question.benchmark.paths), sentences: len(question.classes)}
        return {**own_data, **shown, "faults": faults}
    return {
        **own_data,
        "pictures": len(question.labels),
        "classes_shown": len(set(question.labels.tolist())),
        "classes_asked": list(question.classes),
        "candidates": run.candidates,
        "templates": list(run.templates),
        "own_prompts": {name: list(own[name]) for name in question.classes if name in own},
        "faults": faults,
    }


def exam_of(run: Run, concepts: list[Concept], known: dict[str, KnownClass], fit: Fit) -> Exam:
    """Both benchmarks of a run, and the names among which their pictures are asked; `fit` is the model's.

    Raises:
        UserError: a benchmark cannot be read, or lacks pictures of a class that is asked for.
    """
    taught = [concept["name"] for concept in concepts]
    target, retention = (question_of(run, role, taught, [*known], fit) for role in ("target", "retention"))
    where = f"params.yaml: runs.{run.key}.metrics"
    metrics = {name: lookup.find("stages.metrics", name, where) for name in run.metrics}
    if target.benchmark.task == "captioning":
        return Exam(run.key, [retention], metrics, captioned=target)
    if target.benchmark.task == "segmentation":
        return Exam(run.key, [retention], metrics, segmented=target)
    return Exam(run.key, [target, retention], metrics)


def own_prompts(concepts: list[Concept], known: dict[str, KnownClass]) -> Prompts:
    """The classes that are asked for with prompts of their own and not with the run's templates."""
    taught = {concept["name"]: tuple(concept["prompts"]) for concept in concepts if concept.get("prompts")}
    return {**{name: one.prompts for name, one in known.items() if one.prompts}, **taught}


def prompts_of(run: Run, exam: Exam, concepts: list[Concept], known: dict[str, KnownClass]) -> dict[str, Prompts]:
    """The three ways to ask for a class: by name, by description, by both.

    A class that nobody has described is asked by its name in all three, as is everything that only a benchmark lists.
    Captions are no classes, and none of these.
    """
    taught = {concept["name"]: concept for concept in concepts}
    ways: dict[str, Prompts] = {"name": {}, "description": {}, "name and description": {}}
    asked = [*exam.questions, *filter(None, [exam.segmented])]
    asked_by_name = [question for question in asked if not question.is_retrieval]
    for name in dict.fromkeys(name for question in asked_by_name for name in question.classes):
        if name in taught:
            own, looks = asked_for(taught[name], run.templates), taught[name]["description"]
        else:
            one = known.get(name, KnownClass(name))
            own, looks = one.asked(run.templates), one.description
        ways["name"][name] = own
        ways["description"][name] = (looks,) if looks else own
        ways["name and description"][name] = tuple(f"{text}, {looks}" for text in own) if looks else own
    return ways


def setting_of(entry: Mapping[str, object]) -> Row:
    """Of an entry of a run's checkpoints/index.json what rows have of it."""
    own = {name: entry[name] for name in ("setting", "recipe", "learning_rate", "seed")}
    return {"phase": "taught" if entry["setting"] == "taught" else "control", **own}
