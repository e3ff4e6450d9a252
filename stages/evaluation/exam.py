"""What a run is examined in: two benchmarks, the names among which a picture is asked, and the rows of the answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from stages.benchmarks.contract import Benchmark
from stages.common import lookup
from stages.common.failures import UserError
from stages.common.images import Fit
from stages.common.known_classes import KnownClass
from stages.common.lookup import nearest
from stages.common.params import Run
from stages.common.pictures import Pictures
from stages.common.rows import wilson
from stages.common.taught import asked_for

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
        classes: K names among which a picture is asked.
        labels: [N], columns of the classes.
        new: the columns that are taught names.
    """

    role: str
    benchmark: Benchmark
    data: str
    pictures: Pictures
    classes: tuple[str, ...]
    labels: np.ndarray
    new: frozenset[int]


@dataclass(frozen=True)
class Exam:
    """All that is asked of every checkpoint of a run.

    Attributes:
        run: its key.
        questions: the two benchmarks.
        metrics: name -> module.
    """

    run: str
    questions: list[Question]
    metrics: dict[str, ModuleType]

    def rows(self, similarity: Callable[[Question], np.ndarray], **setting: object) -> Iterator[Row]:
        """All rows of one checkpoint.

        Args:
            similarity: [N, K] of a question's pictures and its classes' prompts.
            setting: phase, setting, recipe, learning_rate, seed.
        """
        for question in self.questions:
            scores = similarity(question)
            for name, metric in self.metrics.items():
                chance = round(metric.chance(len(question.classes), len(question.new)), 6)
                if question.role not in metric.ROLES or chance in (0, 1):  # what cannot happen, or cannot but happen
                    continue
                hits = metric.compute(scores, question.labels, set(question.new))
                for label, chosen in _labels(question):
                    yield (
                        {"run": self.run, **setting, "role": question.role, "benchmark": question.benchmark.name}
                        | {"label": label, "metric": name, "chance": chance}
                        | counted(hits[chosen])
                    )

    def facts(self, run: Run) -> dict[str, dict[str, object]]:
        """What was asked, for data/rows/RUN.benchmarks.json: for each role pictures, classes, prompts and faults."""
        return {question.role: _facts(question, run) for question in self.questions}


def _labels(question: Question) -> Iterator[tuple[str, np.ndarray]]:
    yield "all", np.ones(len(question.labels), bool)
    for column in np.unique(question.labels):
        yield question.classes[column], question.labels == column


def counted(hits: np.ndarray) -> Row:
    """Share of hits with n and its 95 % Wilson interval."""
    low, high = wilson(int(hits.sum()), len(hits))
    return {"value": round(float(hits.mean()), 6), "n": len(hits), "low": round(low, 6), "high": round(high, 6)}


def _facts(question: Question, run: Run) -> dict[str, object]:
    return {
        "benchmark": question.benchmark.name,
        "data": question.data,
        "pictures": len(question.labels),
        "classes_shown": len(set(question.labels.tolist())),
        "classes_asked": list(question.classes),
        "candidates": run.candidates,
        "templates": list(run.templates),
        "faults": [asdict(fault) for fault in question.benchmark.faults],
    }


def exam_of(run: Run, concepts: list[Concept], known: dict[str, KnownClass], fit: Fit) -> Exam:
    """Both benchmarks of a run, and the names among which their pictures are asked; `fit` is the model's.

    Raises:
        UserError: a benchmark cannot be read, or lacks pictures of a class that is asked for.
    """
    taught = [concept["name"] for concept in concepts]
    questions = [_question(run, "target", taught, [*known], fit), _question(run, "retention", taught, [*known], fit)]
    where = f"params.yaml: runs.{run.key}.metrics"
    return Exam(run.key, questions, {name: lookup.find("stages.metrics", name, where) for name in run.metrics})


def _question(run: Run, role: str, taught: list[str], known: list[str], fit: Fit) -> Question:
    where, data = f"params.yaml: runs.{run.key}.{role}_benchmark", getattr(run, f"{role}_data")
    module = lookup.find("stages.benchmarks", getattr(run, f"{role}_benchmark"), where)
    wanted = taught if role == "target" else known
    if role == "target" and run.candidates == "benchmark":  # its other classes are the answers that would be wrong
        whole = module.load(Path(data), None)
        benchmark, classes = _restricted(whole, wanted, data), whole.class_names
    else:
        benchmark = module.load(Path(data), wanted)
        classes = benchmark.class_names if run.candidates == "benchmark" else (*known, *taught)
    for fault in benchmark.faults:
        print(f"{data}: {fault.file}: {fault.reason}", flush=True)
    labels = np.array([classes.index(benchmark.class_names[label]) for label in benchmark.labels])
    new = frozenset(column for column, name in enumerate(classes) if name in taught)
    pictures = Pictures(benchmark.paths, fit, benchmark.read)
    return Question(role, benchmark, data, pictures, tuple(classes), labels, new)


def _restricted(benchmark: Benchmark, names: list[str], data: str) -> Benchmark:
    """The pictures of these classes alone, the classes in this order."""
    for name in names:
        if name not in benchmark.class_names:
            has = ", ".join(benchmark.class_names)
            raise UserError(f"{data} has no class {name!r}.{nearest(name, benchmark.class_names)} It has: {has}.")
    kept = [(path, benchmark.class_names[label]) for path, label in zip(benchmark.paths, benchmark.labels, strict=True)]
    kept = [(path, names.index(name)) for path, name in kept if name in names]
    paths, labels = zip(*kept, strict=True)
    return Benchmark(benchmark.name, benchmark.task, tuple(names), paths, labels, benchmark.faults, benchmark.read)


def prompts_of(run: Run, exam: Exam, concepts: list[Concept], known: dict[str, KnownClass]) -> dict[str, Prompts]:
    """The three ways to ask for a class: by name, by description, by both.

    A class that nobody has described is asked by its name in all three, as is everything that only a benchmark lists.
    """
    taught = {concept["name"]: concept for concept in concepts}
    ways: dict[str, Prompts] = {"name": {}, "description": {}, "name and description": {}}
    for name in dict.fromkeys(name for question in exam.questions for name in question.classes):
        if name in taught:
            asked, looks = asked_for(taught[name], run.templates), taught[name]["description"]
        else:
            one = known.get(name, KnownClass(name))
            asked, looks = one.asked(run.templates), one.description
        ways["name"][name] = asked
        ways["description"][name] = (looks,) if looks else asked
        ways["name and description"][name] = tuple(f"{text}, {looks}" for text in asked) if looks else asked
    return ways
