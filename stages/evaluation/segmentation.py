"""A target that asks for masks: where the untouched model and every checkpoint see what a text says, in numbers.

First the maps: what each model sees in each picture, at the few places of its activations. Then the pictures, one after
the other, each with the maps of all models (outlines.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from stages.common import paths, seeds, taught
from stages.common.bootstrap import interval_of_mean
from stages.common.failures import UserError
from stages.common.params import Run
from stages.common.progress import progress
from stages.common.rows import wilson
from stages.common.segmenting import Settings, check_block, settings_of
from stages.common.side_by_side import processes_for, side_by_side
from stages.common.weights import read_weights
from stages.evaluation.exam import Exam, Row, setting_of
from stages.evaluation.outlines import CENTRE, OWN, RANDOM, Numbers, Outliner, Views, outliner_of
from stages.evaluation.question import Prompts, Question, drawn_by_lot
from stages.models.contract import TwoEncoders
from stages.saliency.contract import saliency_maps

UNTOUCHED = {"phase": "baseline", "recipe": None, "learning_rate": None, "seed": None}
SHARES = ("pointing", "empty")  # numbers that are 1 or 0 of each picture


@dataclass(frozen=True)
class Sheet:
    """What one model saw in the N pictures.

    Attributes:
        setting: phase, setting, recipe, learning_rate and seed, as rows have them.
        views: its maps: of each picture's own prompt, and where it is a control of another thing's prompt, and of the
            middle of the picture.
    """

    setting: Row
    views: Views


@dataclass(frozen=True)
class Judged:
    """The numbers about what was seen.

    Attributes:
        rows: those of data/rows/RUN.csv.
        lines: those of data/rows/RUN.masks.csv.
        facts: what data/rows/RUN.benchmarks.json says of the target besides.
        numbers: of each sheet each number of every picture.
    """

    rows: list[Row]
    lines: list[Row]
    facts: dict[str, object]
    numbers: list[Numbers]


@dataclass(frozen=True)
class Segmentation:
    """A run's question for masks.

    Attributes:
        run: its key.
        question: the target: pictures of taught and of known things.
        ways: of each way to ask, what each thing is asked for with.
        others: of each picture the other thing, drawn by lot, that it is asked for as a control.
        outliner: what draws and measures masks of the pictures; its settings are those that were chosen.
        tuned: the pictures by whose masks they were chosen and what was tried; {} where nothing was tuned.
        where: place of the settings in params.yaml.
    """

    run: str
    question: Question
    ways: dict[str, Prompts]
    others: tuple[str, ...]
    outliner: Outliner
    tuned: dict[str, object]
    where: str

    def sheets(self, model: TwoEncoders, names: list[str]) -> list[Sheet]:
        """What the untouched model sees, asked in each way, then each checkpoint; several side by side.

        Args:
            model: the untouched one, which it is again afterwards.
            names: its tensors that a checkpoint may hold.
        """
        folder = paths.checkpoints(self.run)
        index = taught.read_json(folder / "index.json", f"dvc repro finetune@{self.run}")
        asked: list[tuple[Row, Path | None]] = [({**UNTOUCHED, "setting": way}, None) for way in self.ways]
        asked += [(setting_of(entry), folder / entry["file"]) for entry in index]
        untouched = model.state(names)

        def seen(one: tuple[Row, Path | None]) -> Views:
            setting, checkpoint = one
            model.load_state({**untouched, **(read_weights(checkpoint) if checkpoint else {})})
            return self._views(model, setting)

        try:
            found = zip(
                progress(asked, f"saliency {self.run}"), side_by_side(seen, asked, processes_for(model)), strict=True
            )
            return [Sheet(setting, views) for (setting, _), views in found]
        finally:
            model.load_state(untouched)

    def _views(self, model: TwoEncoders, setting: Row) -> Views:
        """The maps of one model; the noise of a picture is the same for all of them."""
        names, settings = [self.question.classes[label] for label in self.question.labels], self.outliner.settings
        is_untouched = setting["phase"] == "baseline"
        prompts = self.ways[setting["setting"] if is_untouched else "name"]
        asked = {OWN: (names, settings)}
        if not is_untouched or setting["setting"] == "name":
            asked[RANDOM] = (self.others, settings)
        if is_untouched and setting["setting"] == "name":
            asked[CENTRE] = (names, replace(settings, saliency="centre", tune={}))
        return {prefix: maps_of(model, self.question, prompts, *own, self.where) for prefix, own in asked.items()}

    def judged(self, sheets: Sequence[Sheet], model: TwoEncoders) -> Judged:
        """All numbers of all sheets, several pictures at a time where model and segmenter are small."""
        processes = processes_for(model) if self.outliner.is_light else 1
        measured, covered = self.outliner.measured([sheet.views for sheet in sheets], processes, f"masks {self.run}")
        pairs = [(sheet.setting, numbers) for sheet, numbers in zip(sheets, measured, strict=True)]
        rows = [row for setting, numbers in pairs for row in self._rows(setting, numbers, covered)]
        lines = [line for setting, numbers in pairs for line in self._lines(setting, numbers)]
        n, new = len(self.question.labels), int(self.question.is_new.sum())  # without those of `tune`
        facts = {"pictures": new, "known_pictures": n - new}
        facts |= {"segmentation": asdict(self.outliner.settings), "tuned": self.tuned}
        return Judged(rows, lines, facts, measured)

    def _rows(self, setting: Row, numbers: Numbers, covered: np.ndarray) -> Iterator[Row]:
        """Of taught things together and one by one, the target; of known ones together, which are retention."""
        question, is_new = self.question, self.question.is_new
        groups = [("target", "all", is_new), ("retention", "all", ~is_new)]
        groups += [("target", question.classes[column], question.labels == column) for column in sorted(question.new)]
        for role, label, chosen in groups:
            for metric, each in numbers.items() if chosen.any() else ():
                chance = round(float(covered[chosen].mean()), 6) if metric.endswith("pointing") else None
                what = {"role": role, "benchmark": question.benchmark.name, "label": label, "metric": metric}
                yield {"run": self.run, **setting, **what, "chance": chance, **averaged(metric, each[chosen])}

    def _lines(self, setting: Row, numbers: Numbers) -> Iterator[Row]:
        own = {name: value for name, value in setting.items() if name != "phase"}
        for place, path in enumerate(self.question.benchmark.paths):
            what = {"picture": str(path), "concept": self.question.classes[self.question.labels[place]]}
            found = {metric: round(float(each[place]), 6) for metric, each in numbers.items()}
            yield {**what, "random_prompt": self.others[place], **own, **found}


def averaged(metric: str, each: np.ndarray) -> Row:
    """The mean over pictures with n and its 95 % interval: Wilson's of a share, else the bootstrap's."""
    low, high = wilson(float(each.sum()), len(each)) if metric.endswith(SHARES) else interval_of_mean(each)
    found = {"value": float(each.mean()), "low": low, "high": high}
    return {**{name: round(value, 6) for name, value in found.items()}, "n": len(each)}


def maps_of(
    model: TwoEncoders, question: Question, prompts: Prompts, names: Sequence[str], settings: Settings, where: str
) -> np.ndarray:
    """Where a model sees each name in its picture, [N, h, w]; the noise of a picture hangs on its name."""
    distinct = list(dict.fromkeys(names))
    rows = model.embed_classes([prompts[name] for name in distinct]).detach()
    texts = rows[[distinct.index(name) for name in names]]
    benchmark = question.benchmark
    chances = [seeds.number("saliency", benchmark.name_of(path)) for path in benchmark.paths]
    return saliency_maps(model, question.pictures, texts, settings, chances, where)


def segmentation_of(run: Run, exam: Exam, model: TwoEncoders, ways: dict[str, Prompts]) -> Segmentation | None:
    """The run's question for masks, before anything is computed for it but `tune`; None where its target asks for none.

    Raises:
        UserError: the model has no such block, the segmenter cannot be loaded, or `pictures` or `tune` leaves no
            picture of what is taught.
    """
    if exam.segmented is None:
        return None
    where = f"params.yaml: runs.{run.key}.segmentation"
    settings, question, tuned = settings_of(run.segmentation, where), exam.segmented, {}
    check_block(settings.highest, len(model.blocks), where)
    metrics = {name: metric for name, metric in exam.metrics.items() if metric.TASK == "segmentation"}
    outliner = outliner_of(question.benchmark, metrics, settings, model.device, where)
    if settings.tuning:
        question, settings, tuned = tuned_by_masks(question, outliner, model, ways["name"], where)
    if not question.is_new.any():
        shown = f"of the {len(question.labels)} pictures left to measure on none shows what is taught"
        raise UserError(f"{where}: {shown}. Raise `pictures`, or lower `tune.pictures`.")
    names, pictures = (question.classes[label] for label in question.labels), question.benchmark.paths
    pairs = zip(names, map(question.benchmark.name_of, pictures), strict=True)
    others = tuple(other_name(name, [*ways["name"]], picture) for name, picture in pairs)
    outliner = replace(outliner, benchmark=question.benchmark, settings=settings)
    return Segmentation(run.key, question, ways, others, outliner, tuned, where)


def other_name(name: str, names: Sequence[str], picture: str) -> str:
    """A name other than the picture's own, by lot, the same each time; its own where there is no other."""
    others = [one for one in names if one != name]
    return others[seeds.number("random prompt", picture) % len(others)] if others else name


def tuned_by_masks(
    question: Question, outliner: Outliner, model: TwoEncoders, prompts: Prompts, where: str
) -> tuple[Question, Settings, dict[str, object]]:
    """The block and beta whose coarse masks fit best on a few pictures; the question of the others; and what was tried.

    Raises:
        UserError: no picture is left to measure on.

    Source: MedCLIP-SAMv2's public code chooses so, by mean Dice of the saliency on three labelled pictures.
    """
    n, whole = outliner.settings.tuning.pictures, question.benchmark
    if n >= len(whole.paths):
        raise UserError(f"{where}.tune.pictures says {n}, but {whole.name} has {len(whole.paths)}: none would be left.")
    shown = question.about(drawn_by_lot(whole, n))
    names = [shown.classes[label] for label in shown.labels]
    tried = outliner.settings.tried()
    views = [{OWN: maps_of(model, shown, prompts, names, one, where)} for one in tried]
    numbers, _ = replace(outliner, benchmark=shown.benchmark).measured(views, 1, "tune")
    found = [float(own["saliency_dice"].mean()) for own in numbers]
    pairs = zip(tried, found, strict=True)
    scores = [{"block": one.block, "beta": one.beta, "saliency_dice": round(dice, 6)} for one, dice in pairs]
    rest = question.about(drawn_by_lot(whole, n, others=True))
    on = [str(path) for path in shown.benchmark.paths]
    return rest, tried[int(np.argmax(found))], {"pictures": on, "tried": scores}
