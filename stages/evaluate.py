"""Has it learned, and has it forgotten? Zero-shot classification of every checkpoint on two benchmarks.

Command: python -m stages.evaluate world-together [more runs, one after the other]
Reads:   data/checkpoints/RUN, data/lessons/RUN.json, the run's weights, known classes and benchmarks
Writes:  data/rows/RUN.csv, one row a number; data/rows/RUN.choice.json, the learning rate chosen for each recipe;
         data/rows/RUN.before_after.csv, what each learning rate taught and cost

Both benchmarks are asked among the same names: the known classes and the taught ones. The untouched model is asked in
three ways: by name, by description, and by both.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from types import ModuleType

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from stages.common import kept, known_classes, lookup, params, paths, taught
from stages.common.atomic import write_bytes, write_text
from stages.common.failures import each, run_main
from stages.common.images import Fit
from stages.common.params import Run
from stages.common.pictures import Pictures
from stages.common.progress import progress
from stages.common.prompts import prompt
from stages.common.rows import read_rows, wilson, write_rows
from stages.common.side_by_side import processes_for, side_by_side
from stages.common.weights import read_weights
from stages.models.contract import Loader, Model
from stages.tables import before_after
from stages.tables.contract import Choice, Result

Row = dict[str, object]


@dataclass(frozen=True)
class Question:
    """One benchmark, ready to be asked.

    Attributes:
        role: "target" or "retention".
        benchmark: its name.
        paths: N files.
        pictures: the same, as tensors.
        labels: [N], columns of the class names.
    """

    role: str
    benchmark: str
    paths: tuple[Path, ...]
    pictures: Pictures
    labels: np.ndarray


@dataclass(frozen=True)
class Exam:
    """All that is asked of every checkpoint of a run.

    Attributes:
        run: its key.
        classes: K names, the known ones first, then the taught.
        n_known: how many are known.
        questions: the two benchmarks.
        metrics: name -> module.
    """

    run: str
    classes: list[str]
    n_known: int
    questions: list[Question]
    metrics: dict[str, ModuleType]

    def rows(self, similarity: Callable[[Question], np.ndarray], **setting: object) -> Iterator[Row]:
        """All rows of one checkpoint.

        Args:
            similarity: [N, K] of a question's pictures and the class names' prompts.
            setting: phase, setting, recipe, learning_rate, seed.
        """
        new = set(range(self.n_known, len(self.classes)))
        for question in self.questions:
            scores = similarity(question)
            for name, metric in self.metrics.items():
                if question.role not in metric.ROLES:
                    continue
                hits = metric.compute(scores, question.labels, new)
                chance = round(metric.chance(len(self.classes), len(new)), 6)
                for label, chosen in self._labels(question):
                    yield (
                        {"run": self.run, **setting, "role": question.role, "benchmark": question.benchmark}
                        | {"label": label, "metric": name, "chance": chance}
                        | counted(hits[chosen])
                    )

    def _labels(self, question: Question) -> Iterator[tuple[str, np.ndarray]]:
        yield "all", np.ones(len(question.labels), bool)
        for column in np.unique(question.labels):
            yield self.classes[column], question.labels == column


def counted(hits: np.ndarray) -> Row:
    """Share of hits with n and its 95 % Wilson interval."""
    low, high = wilson(int(hits.sum()), len(hits))
    return {"value": round(float(hits.mean()), 6), "n": len(hits), "low": round(low, 6), "high": round(high, 6)}


def baseline_prompts(run: Run, concepts: list[dict[str, str]], known: dict[str, str]) -> dict[str, list[str]]:
    """The three ways to ask the untouched model for a class: by name, by description, by both."""
    names = [prompt(run.template, name) for name in known]
    names += [prompt(run.template, concept["name"], concept["article"]) for concept in concepts]
    descriptions = [*known.values(), *(concept["description"] for concept in concepts)]
    both = [f"{name}, {description}" for name, description in zip(names, descriptions, strict=True)]
    return {"name": names, "description": descriptions, "name and description": both}


def choose(rows: list[Row], run: Run) -> dict[str, dict[str, object]]:
    """The learning rate of each recipe: the largest that keeps to the retention budget, no target picture looked at.

    The loss is the untouched model's top-1 on the retention benchmark, asked by name, minus the mean over seeds. Where
    no learning rate keeps to the budget, the one that loses least is taken and `met_budget` is false.
    """
    kept_rows = [r for r in rows if (r["role"], r["label"], r["metric"]) == ("retention", "all", "top1")]
    before = next(r["value"] for r in kept_rows if r["setting"] == "name")
    choice = {}
    for recipe, mapping in run.recipes.items():
        losses = {}
        for rate in mapping["learning_rates"]:
            same = [r for r in kept_rows if (r["setting"], r["recipe"], r["learning_rate"]) == ("taught", recipe, rate)]
            losses[rate] = before - fmean(r["value"] for r in same)
        within = [rate for rate, loss in losses.items() if loss <= run.retention_budget + 1e-9]
        choice[recipe] = {
            "learning_rate": max(within) if within else min(losses, key=lambda rate: losses[rate]),
            "rule": f"the largest learning rate that loses at most {run.retention_budget:g} of top-1 on the retention "
            "benchmark, mean over seeds; no picture of a taught concept is looked at",
            "met_budget": bool(within),
        }
    return choice


def exam_of(run: Run, concepts: list[dict[str, str]], known: dict[str, str], fit: Fit) -> Exam:
    """Both benchmarks of a run, their labels brought to one list of class names; `fit` is the model's."""
    classes = [*known, *(concept["name"] for concept in concepts)]
    wanted = {"target": [concept["name"] for concept in concepts], "retention": list(known)}
    questions = []
    for role, names in wanted.items():
        where = f"params.yaml: runs.{run.key}.{role}_benchmark"
        module = lookup.find("stages.benchmarks", getattr(run, f"{role}_benchmark"), where)
        benchmark = module.load(Path(getattr(run, f"{role}_data")), names)
        column = {name: classes.index(name) for name in benchmark.class_names}
        labels = np.array([column[benchmark.class_names[label]] for label in benchmark.labels])
        questions.append(Question(role, benchmark.name, benchmark.paths, Pictures(benchmark.paths, fit), labels))
    metrics = {
        name: lookup.find("stages.metrics", name, f"params.yaml: runs.{run.key}.metrics") for name in run.metrics
    }
    return Exam(run.key, classes, len(known), questions, metrics)


def untouched(model: Model, question: Question, weights: str) -> Tensor:
    """Embeddings [N, D] of a question's pictures by the untouched model, computed once for all runs.

    Args:
        model: untouched.
        question: whose pictures.
        weights: fingerprint of the model's weights.
    """
    files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in question.paths]
    mark = kept.fingerprint(weights, files, asdict(model.fit), str(model.device))
    file = paths.CACHE / "embedded" / f"{mark}.safetensors"
    if not file.exists():
        with torch.inference_mode():
            embedded = torch.cat([model.embed_images(images).cpu() for images in question.pictures])
        write_bytes(file, save({"embedded": embedded}))
    return load_file(file)["embedded"]


def baseline_rows(exam: Exam, model: Model, prompts: dict[str, list[str]], weights: str) -> Iterator[Row]:
    """Rows of the untouched model, asked in every way that `prompts` lists."""
    embedded = {question.role: untouched(model, question, weights) for question in exam.questions}
    for setting, texts in prompts.items():
        columns = model.embed_texts(texts).cpu().T
        yield from exam.rows(
            lambda question, columns=columns: (embedded[question.role] @ columns).numpy(),
            **{"phase": "baseline", "setting": setting, "recipe": None, "learning_rate": None, "seed": None},
        )


def taught_rows(exam: Exam, model: Model, prompts: list[str], processes: int) -> Iterator[Row]:
    """Rows of every checkpoint of a run, asked by name; the model is untouched again afterwards."""
    folder = paths.checkpoints(exam.run)
    index = taught.read_json(folder / "index.json", f"dvc repro finetune@{exam.run}")
    untouched = model.state(list(model.parameters_of("both")))

    def measured(entry: dict) -> list[Row]:
        model.load_state({**untouched, **read_weights(folder / entry["file"])})
        return list(
            exam.rows(
                lambda question: torch.cat([model.similarity(part, prompts) for part in question.pictures]).numpy(),
                phase="taught" if entry["setting"] == "taught" else "control",
                **{name: entry[name] for name in ("setting", "recipe", "learning_rate", "seed")},
            )
        )

    work = side_by_side(measured, index, processes)
    try:
        for _, rows in zip(progress(index, f"evaluate {exam.run}"), work, strict=True):
            yield from rows
    finally:
        model.load_state(untouched)


def main(key: str, *more: str) -> None:
    """Measure these runs."""
    loader = Loader()
    each((key, *more), lambda one: measure(params.load().run(one), loader))


def measure(run: Run, loader: Loader) -> None:
    """Measure one run."""
    run.require("weights", "known", "target_data", "retention_data")
    concepts, known = taught.lesson(run.key), known_classes.read(run)
    model = loader.model_of(run)
    processes = processes_for(model)
    exam = exam_of(run, concepts, known, model.fit)
    prompts = baseline_prompts(run, concepts, known)
    weights = kept.fingerprint(kept.digest(Path(run.weights)), run.architecture, run.pretrained)
    rows = [*baseline_rows(exam, model, prompts, weights), *taught_rows(exam, model, prompts["name"], processes)]
    choice = choose(rows, run)
    write_rows(paths.rows(run.key), rows)
    write_text(paths.choice(run.key), json.dumps(choice, indent=2) + "\n")
    result = Result(
        run.key,
        read_rows([paths.rows(run.key)]),
        {recipe: Choice(**own) for recipe, own in choice.items()},
        run.retention_budget,
    )
    write_text(paths.before_after(run.key), before_after.build(result).to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    run_main(main)
