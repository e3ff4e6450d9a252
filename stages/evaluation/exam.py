"""What a run is examined in: two benchmarks, the names among which a picture is asked, and the rows of the answers.

A benchmark of retrieval takes the captions for the names: each is asked of every picture as it is, once. One of
captioning has no names to choose among; stages/evaluation/captioning.py asks it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from stages.benchmarks.contract import Benchmark, asked
from stages.common import lookup, paths
from stages.common.captioned import Captions
from stages.common.faults import Fault
from stages.common.images import Fit
from stages.common.known_classes import KnownClass
from stages.common.params import Run
from stages.common.pictures import Pictures
from stages.common.rows import wilson
from stages.common.taught import asked_for

TOLD = 20  # faults of a benchmark that are printed
Row = dict[str, object]
Concept = Mapping[str, Any]  # an entry of data/lessons/RUN.json
Prompts = dict[str, tuple[str, ...]]  # class name -> the prompts that it is asked for with


@dataclass(frozen=True)
class Question:
    """One benchmark, ready to be asked.

    Attributes:
        role: "target" or "retention".
        benchmark: its N pictures, all of which are asked for.
        data: where params.yaml says that it lies.
        pictures: the same, as tensors.
        classes: K names among which a picture is asked; the K captions in retrieval and captioning.
        labels: [N], columns of the classes; [K], the picture of each caption, in retrieval and captioning.
        new: the columns that are taught names; of captions none.
    """

    role: str
    benchmark: Benchmark | Captions
    data: str
    pictures: Pictures
    classes: tuple[str, ...]
    labels: np.ndarray
    new: frozenset[int]

    @property
    def is_retrieval(self) -> bool:
        """Whether captions are asked and not classes."""
        return self.benchmark.task == "retrieval"

    def prompts(self, ways: Prompts) -> list[tuple[str, ...]]:
        """What each of its K columns is asked for with: a class with its prompts in `ways`, a caption with itself."""
        return [(name,) if self.is_retrieval else ways[name] for name in self.classes]


@dataclass(frozen=True)
class Exam:
    """All that is asked of every checkpoint of a run.

    Attributes:
        run: its key.
        questions: the benchmarks whose pictures are asked among something, both but for one of captioning.
        metrics: name -> module; each is asked of the benchmarks of its task.
        captioned: the target where it asks for captions, else None.
    """

    run: str
    questions: list[Question]
    metrics: dict[str, ModuleType]
    captioned: Question | None = None

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
        questions = [*filter(None, [self.captioned]), *self.questions]
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
    target, retention = (_question(run, role, taught, [*known], fit) for role in ("target", "retention"))
    where = f"params.yaml: runs.{run.key}.metrics"
    metrics = {name: lookup.find("stages.metrics", name, where) for name in run.metrics}
    if target.benchmark.task == "captioning":
        return Exam(run.key, [retention], metrics, captioned=target)
    return Exam(run.key, [target, retention], metrics)


def _question(run: Run, role: str, taught: list[str], known: list[str], fit: Fit) -> Question:
    where, data = f"params.yaml: runs.{run.key}.{role}_benchmark", getattr(run, f"{role}_data")
    module = lookup.find("stages.benchmarks", getattr(run, f"{role}_benchmark"), where)
    if module.TASK != "classification":
        return _of_captions(module.load(Path(data), None), run.key, role, data, fit)
    wanted = taught if role == "target" else known
    if role == "target" and run.candidates == "benchmark":  # its other classes are the answers that would be wrong
        benchmark, classes = _restricted(module.load(Path(data), None), wanted, data)
    else:
        benchmark = module.load(Path(data), wanted)
        classes = benchmark.class_names if run.candidates == "benchmark" else (*known, *taught)
    _tell(benchmark.faults, data, run.key)
    columns = {name: column for column, name in enumerate(classes)}
    labels = np.array([columns[benchmark.class_names[label]] for label in benchmark.labels])
    new = frozenset(columns[name] for name in taught if name in columns)
    pictures = Pictures(benchmark.paths, fit, benchmark.read)
    return Question(role, benchmark, data, pictures, tuple(classes), labels, new)


def _of_captions(benchmark: Captions, run: str, role: str, data: str, fit: Fit) -> Question:
    _tell(benchmark.faults, data, run)
    pictures = Pictures(benchmark.paths, fit, benchmark.read)
    return Question(role, benchmark, data, pictures, benchmark.captions, np.array(benchmark.owners), frozenset())


def _tell(faults: tuple[Fault, ...], data: str, run: str) -> None:
    """Print the first faults of a benchmark's data, and how many more there are."""
    for fault in faults[:TOLD]:
        print(f"{data}: {fault.file}: {fault.reason}", flush=True)
    if (more := len(faults) - TOLD) > 0:
        print(f"{data}: {more} more faults, all in {paths.benchmarks(run)}", flush=True)


def _restricted(whole: Benchmark, names: list[str], data: str) -> tuple[Benchmark, tuple[str, ...]]:
    """The pictures of these classes alone, in this order; and the names of all classes, these as they are taught."""
    theirs = asked(Path(data), {name: name for name in whole.class_names}, names, "pictures")
    ours = {their: name for name, their in theirs.items()}
    shown = [(path, ours.get(whole.class_names[label])) for path, label in zip(whole.paths, whole.labels, strict=True)]
    files, labels = zip(*((path, names.index(name)) for path, name in shown if name), strict=True)
    benchmark = Benchmark(whole.name, whole.task, tuple(names), files, labels, whole.faults, whole.read)
    return benchmark, tuple(ours.get(name, name) for name in whole.class_names)


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
    asked_by_name = [question for question in exam.questions if not question.is_retrieval]
    for name in dict.fromkeys(name for question in asked_by_name for name in question.classes):
        if name in taught:
            asked, looks = asked_for(taught[name], run.templates), taught[name]["description"]
        else:
            one = known.get(name, KnownClass(name))
            asked, looks = one.asked(run.templates), one.description
        ways["name"][name] = asked
        ways["description"][name] = (looks,) if looks else asked
        ways["name and description"][name] = tuple(f"{text}, {looks}" for text in asked) if looks else asked
    return ways
