"""A target that asks for captions: what the untouched model and every checkpoint write, and the numbers about it."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from stages.common import paths, taught
from stages.common.caption_rows import OWN
from stages.common.caption_tokens import tokens
from stages.common.decoding import Settings, settings_of
from stages.common.failures import UserError
from stages.common.params import Run
from stages.common.progress import progress
from stages.common.side_by_side import processes_for, side_by_side
from stages.common.weights import read_weights
from stages.decoders.contract import captions
from stages.evaluation.exam import Exam, Row, setting_of
from stages.evaluation.question import Question
from stages.metrics.contract import CaptionMetric, MetricError, Number, Shown, Written
from stages.models.contract import Captioner, Model

UNTOUCHED = {"phase": "baseline", "setting": "name", "recipe": None, "learning_rate": None, "seed": None}
Numbers = list[list[Number]]  # of each model


@dataclass(frozen=True)
class Sheet:
    """What one model wrote about the N pictures.

    Attributes:
        setting: phase, setting, recipe, learning_rate and seed, as rows have them; "name" for the untouched model, so
            that its numbers stand in one line with what it answers when it is asked by name.
        captions: N.
    """

    setting: Row
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """The numbers about what was written.

    Attributes:
        rows: those of data/rows/RUN.csv.
        lines: those of data/rows/RUN.captions.csv.
        facts: what data/rows/RUN.benchmarks.json says of the target besides: decoding, tokenizer, and missing, each
            metric that was asked for and could not be had with its reason.
    """

    rows: list[Row]
    lines: list[Row]
    facts: dict[str, object]


@dataclass(frozen=True)
class Captioning:
    """A run's question for captions, found to be answerable as far as that shows beforehand.

    Attributes:
        run: its key.
        question: the target.
        metrics: those that can run here.
        missing: those that cannot, each with its reason.
        settings: of the decoding.
    """

    run: str
    question: Question
    metrics: dict[str, CaptionMetric]
    missing: dict[str, str]
    settings: Settings

    def sheets(self, model: Captioner, names: list[str]) -> list[Sheet]:
        """What the untouched model writes, then each checkpoint; several side by side. Then the model is untouched.

        Args:
            model: the untouched one.
            names: its tensors that a checkpoint may hold.
        """
        folder = paths.checkpoints(self.run)
        index = taught.read_json(folder / "index.json", f"dvc repro finetune@{self.run}")
        untouched = model.state(names)

        def write(checkpoint: Path | None) -> tuple[str, ...]:
            model.load_state({**untouched, **(read_weights(checkpoint) if checkpoint else {})})
            parts = (captions(model, images, self.settings) for images in self.question.pictures)
            return tuple(itertools.chain.from_iterable(parts))

        processes = processes_for(model)
        settings = [UNTOUCHED, *map(setting_of, index)]
        files = [None, *(folder / entry["file"] for entry in index)]
        try:
            found = zip(progress(settings, f"captions {self.run}"), side_by_side(write, files, processes), strict=True)
            return [Sheet(setting, own) for setting, own in found]
        finally:
            model.load_state(untouched)

    def judged(self, sheets: Sequence[Sheet], new: Sequence[str], known: Sequence[str]) -> Judged:
        """All numbers; a metric that fails is missing, and costs no other.

        Args:
            sheets: of the same pictures.
            new: the taught names.
            known: names of the known classes.
        """
        shown, written, tokenizer = self._tokens(sheets, tuple(new), tuple(known))
        numbers: dict[str, Numbers] = {}
        missing = dict(self.missing)
        for name, metric in self.metrics.items():
            try:
                numbers[name] = metric.compute(shown, written)
            except MetricError as error:
                missing[name] = str(error)
                print(f"{self.run}: {name} is missing: {error}", flush=True)
        each = [[one for own in numbers.values() for one in own[place]] for place in range(len(sheets))]
        pairs = [*zip(sheets, each, strict=True)]
        rows = [self._row(sheet.setting, number) for sheet, own in pairs for number in own]
        lines = [line for sheet, own in pairs for line in self._lines(sheet, shown, own)]
        return Judged(rows, lines, {"decoding": asdict(self.settings), "tokenizer": tokenizer, "missing": missing})

    def _tokens(
        self, sheets: Sequence[Sheet], new: tuple[str, ...], known: tuple[str, ...]
    ) -> tuple[Shown, list[Written], str]:
        """References and captions with their tokens, all split together; and what split them."""
        owners = self.question.labels
        said = [[] for _ in self.question.benchmark.paths]
        for owner, text in zip(owners, self.question.classes, strict=True):
            said[owner].append(text)
        groups = [*said, *(sheet.captions for sheet in sheets)]
        flat, tokenizer = tokens([text for group in groups for text in group])
        rest = iter(flat)
        split = [tuple(itertools.islice(rest, len(group))) for group in groups]
        shown = Shown(tuple(map(tuple, said)), tuple(split[: len(said)]), new, known)
        own = zip(sheets, split[len(said) :], strict=True)
        return shown, [Written(sheet.captions, words) for sheet, words in own], tokenizer

    def _row(self, setting: Row, number: Number) -> Row:
        values = {name: round(float(getattr(number, name)), 6) for name in ("value", "low", "high")}
        what = {"role": "target", "benchmark": self.question.benchmark.name, "label": number.label}
        return {"run": self.run, **setting, **what, "metric": number.metric, "n": number.n, "chance": None, **values}

    def _lines(self, sheet: Sheet, shown: Shown, numbers: Sequence[Number]) -> list[Row]:
        own = {number.metric: number.each for number in numbers if number.metric in OWN and number.each is not None}
        setting = {name: value for name, value in sheet.setting.items() if name != "phase"}
        files = self.question.benchmark.paths
        return [
            {"picture": str(path), "references": json.dumps(references, ensure_ascii=False), **setting}
            | {"caption": caption}
            | {name: round(float(own[name][place]), 6) if name in own else None for name in OWN}
            for place, (path, references, caption) in enumerate(
                zip(files, shown.references, sheet.captions, strict=True)
            )
        ]


def captioning_of(run: Run, exam: Exam, model: Model) -> Captioning | None:
    """The run's question for captions, before anything is computed for it; None where its target asks for none.

    Prints what cannot be measured on this machine.

    Raises:
        UserError: `decoding` of the run says what there is not, or asks for longer sentences than the model writes.
    """
    if exam.captioned is None:
        return None
    metrics = {name: metric for name, metric in exam.metrics.items() if metric.TASK == "captioning"}
    reasons = {name: metric.lacking() for name, metric in metrics.items()}
    missing = {name: reason for name, reason in reasons.items() if reason}
    for name, reason in missing.items():
        print(f"{run.key}: {name} is missing: {reason}", flush=True)
    able = {name: metric for name, metric in metrics.items() if name not in missing}
    where = f"params.yaml: runs.{run.key}.decoding"
    settings = settings_of(run.decoding, where)
    if settings.max_length > model.max_tokens:
        raise UserError(
            f"{where}.max_length says {settings.max_length}, but this model writes at most {model.max_tokens} tokens."
        )
    return Captioning(run.key, exam.captioned, able, missing, settings)
