"""What every table of the report is built from, and what its cells are.

A file of this folder holds one table: `build(result) -> DataFrame`, rows of one run in, one table out. The cells are
`Average` (a number with its range over seeds), text, or None where nothing was measured; the templates print them.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import pandas as pd

from stages.common.taught import PREFERRED

CHOSEN = "✓"  # stands behind the learning rate that the rule chose
FEW = 12  # concepts or classes listed one by one; of more concepts the best and the worst, of classes the worst
MAIN = ("top1", "text_recall@1", "cider", "dice")  # what stands for a benchmark of each task
SETTING = ["phase", "setting", "recipe", "learning_rate"]
CELL = ["role", "label", "metric"]
CAPTION_METRICS = {"bleu4": "BLEU@4", "meteor": "METEOR", "cider": "CIDEr", "spice": "SPICE"}  # as papers write them
NUMBERS = ["value", "n", "chance", "low", "high"]


@dataclass(frozen=True)
class Choice:
    """The learning rate that evaluation chose for a recipe.

    Attributes:
        learning_rate: the chosen one.
        rule: the sentence that chose it.
        met_budget: whether it loses no more on the retention benchmark than the run allows.
    """

    learning_rate: float
    rule: str
    met_budget: bool


@dataclass(frozen=True)
class Result:
    """All that was measured for one run.

    Attributes:
        run: key of the run in params.yaml.
        rows: the rows of this run (columns: stages/common/rows.py), values as fractions.
        choice: recipe name to its choice.
        budget: share of the retention benchmark that a recipe may lose, a fraction.
        paper: the figures of the paper that stand beside it, as `paper_figures.compared` gives them; none for most
            runs.
    """

    run: str
    rows: pd.DataFrame
    choice: dict[str, Choice]
    budget: float
    paper: tuple[dict[str, str], ...] = ()

    def is_chosen(self, recipe: str, learning_rate: float) -> bool:
        """Whether this is the chosen learning rate of the recipe, up to the last digits that CSV and JSON lose."""
        return recipe in self.choice and math.isclose(learning_rate, self.choice[recipe].learning_rate, rel_tol=1e-9)

    @cached_property
    def averaged(self) -> pd.DataFrame:
        """`averages` of this result, which many tables ask for and nobody may change."""
        return _averaged(self)

    @property
    def recalls(self) -> list[str]:
        """The recalls of the target where captions were asked, "text_recall@1" first, in the order of the rows."""
        metrics = self.rows.loc[self.rows["role"] == "target", "metric"].unique()
        return [metric for metric in metrics if "@" in metric]

    @cached_property
    def caption_metrics(self) -> list[str]:
        """The metrics of captions, where the target asked for some, in the order of the rows; else none."""
        metrics = self.rows.loc[self.rows["role"] == "target", "metric"].unique()
        return [*metrics] if "cider" in metrics else []

    @cached_property
    def mask_metrics(self) -> list[str]:
        """The numbers of masks, where the target asks for some, in the order of the rows; else none."""
        metrics = self.rows.loc[self.rows["role"] == "target", "metric"].unique()
        return [*metrics] if "dice" in metrics else []

    @property
    def target(self) -> str:
        """What the target number is called: R@1 of text retrieval, CIDEr of captions, Dice of masks, else accuracy."""
        if self.caption_metrics or self.mask_metrics:
            return "target, CIDEr" if self.caption_metrics else "target, Dice"
        return "target, text R@1" if self.recalls else "target accuracy"

    @cached_property
    def labels(self) -> list[str]:
        """Names of the taught concepts, in the order of the rows; none in retrieval and captioning."""
        return self._labels("target")

    @property
    def leading(self) -> str:
        """The recipe whose figures put concepts in order: `replay` where the run has it, else its first."""
        return PREFERRED if PREFERRED in self.choice else next(iter(self.choice))

    @cached_property
    def listed(self) -> list[str]:
        """The taught concepts that are shown one by one: all where they are few, else FEW, half of them the best.

        The other half are the worst, by target accuracy of the leading recipe at its chosen learning rate, the best
        first; equal ones stand as in the rows.
        """
        if len(self.labels) <= FEW:
            return self.labels
        taught = taught_line(self.averaged, self.leading)
        ordered = sorted(self.labels, key=lambda label: -taught[f"target: {label}"].mean)
        return ordered[: FEW // 2] + ordered[-(FEW // 2) :]

    @cached_property
    def known_labels(self) -> list[str]:
        """Names of the known classes in the order of the rows, where they are few enough to be listed; else none."""
        found = self._labels("retention")
        return found if len(found) <= FEW else []

    def _labels(self, role: str) -> list[str]:
        labels = self.rows.loc[(self.rows["role"] == role) & self.rows["metric"].isin(MAIN), "label"]
        return [label for label in labels.unique() if label != "all"]


@dataclass(frozen=True)
class Average:
    """A fraction averaged over seeds; `str` gives it in per cent.

    Attributes:
        mean: mean over seeds.
        least: smallest seed.
        greatest: largest seed.
        seeds: number of seeds; 1 for the untouched model.
        n: queries behind each seed's number: pictures, and for image recall captions.
        chance: what guessing would give, None where that has no meaning.
        low: smallest lower end of the seeds' 95 % intervals.
        high: largest upper end of the seeds' 95 % intervals.
    """

    mean: float
    least: float
    greatest: float
    seeds: int
    n: int
    chance: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        return f"{self.percent} ({self.range})" if self.range else self.percent

    @property
    def percent(self) -> str:
        """The mean in per cent, one decimal, without the sign."""
        return per_cent(self.mean)

    @property
    def range(self) -> str:
        """Smallest to largest seed in per cent; empty with one seed."""
        return "" if self.seeds < 2 else f"{per_cent(self.least)} to {per_cent(self.greatest)}"

    def loss_from(self, before: "Average") -> "Average":
        """How far this lies below `before` (the mean of it), as a difference of fractions; negative for a gain."""
        ends = (before.mean - self.mean, before.mean - self.greatest, before.mean - self.least)
        return Average(*ends, seeds=self.seeds, n=self.n)


def per_cent(fraction: float) -> str:
    """A fraction in per cent with one decimal and no sign of its unit; never "-0.0"."""
    return f"{round(100 * fraction, 1) + 0.0:.1f}"


def rate(learning_rate: float) -> str:
    """A learning rate as the paper writes it: 0.00015 gives "1.5e-4"."""
    digits, power = f"{learning_rate:.6e}".split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"


def cells_of(rows: pd.DataFrame) -> dict[tuple[str, str, str], Average]:
    """The mean over seeds of every number of one setting (phase, setting, recipe, learning rate) of a run.

    Returns:
        (role, label, metric) to its average, in the order of the rows.
    """
    seeds: dict[tuple[str, str, str], list[tuple]] = {}
    for *cell, value, n, chance, low, high in rows[[*CELL, *NUMBERS]].itertuples(index=False, name=None):
        seeds.setdefault(tuple(cell), []).append((float(value), n, chance, low, high))
    return {cell: _average(found) for cell, found in seeds.items()}


def _average(seeds: list[tuple]) -> Average:
    values, ns, chances, lows, highs = zip(*seeds, strict=True)
    chance = None if pd.isna(chances[0]) else float(chances[0])
    ends = {"low": float(min(lows)), "high": float(max(highs))}
    return Average(fmean(values), min(values), max(values), seeds=len(values), n=int(ns[0]), chance=chance, **ends)


def averages(result: Result) -> pd.DataFrame:
    """One line for each setting that was measured, averaged over seeds.

    Returns:
        Columns phase, setting, recipe, learning_rate (as in the rows), rate (as text), is_chosen (at the chosen
        learning rate), target, retention, loss (of retention from the untouched model prompted by name), called_new,
        `target top5`, `retention top5`, `target text_recall@1` and so on for each of `recalls`, `caption_metrics` and
        `mask_metrics`, `target: NAME` for each concept and `retention: NAME` for each of `known_labels`; those from
        `target` on `Average` or None.
    """
    return result.averaged.copy()


def _averaged(result: Result) -> pd.DataFrame:
    is_shown = (result.rows["role"] == "target") | result.rows["label"].isin(["all", *result.known_labels])
    rows = result.rows[is_shown]
    groups = rows.groupby(SETTING, sort=False, dropna=False)
    lines = [_line(dict(zip(SETTING, key, strict=True)), group, result) for key, group in groups]
    before = next((line["retention"] for line in lines if line["setting"] == "name"), None)
    for line in lines:
        can_compare = line["phase"] != "baseline" and before and line["retention"]
        line["loss"] = line["retention"].loss_from(before) if can_compare else None
    return pd.DataFrame(lines)


def untouched_line(lines: pd.DataFrame) -> pd.Series:
    """The line of `averages` that holds the untouched model prompted by name."""
    return lines[(lines["phase"] == "baseline") & (lines["setting"] == "name")].iloc[0]


def taught_line(lines: pd.DataFrame, recipe: str) -> pd.Series:
    """The line of `averages` that holds what a recipe taught at its chosen learning rate."""
    return lines[(lines["phase"] == "taught") & (lines["recipe"] == recipe) & lines["is_chosen"]].iloc[0]


def control_lines(lines: pd.DataFrame, recipe: str) -> list[pd.Series]:
    """The lines of `averages` that hold a recipe's controls at its chosen learning rate, in the order of the rows."""
    found = lines[(lines["phase"] == "control") & (lines["recipe"] == recipe) & lines["is_chosen"]]
    return [line for _, line in found.iterrows()]


def _line(line: dict, group: pd.DataFrame, result: Result) -> dict:
    line["rate"] = "" if line["phase"] == "baseline" else rate(line["learning_rate"])
    line["is_chosen"] = result.is_chosen(line["recipe"], line["learning_rate"])
    cells = cells_of(group)
    for role in ("target", "retention"):
        line[role] = _main(cells, role, "all")
    line["called_new"] = cells.get(("retention", "all", "called_new"))
    for metric in (*result.recalls, *result.caption_metrics, *result.mask_metrics):
        line[f"target {metric}"] = cells.get(("target", "all", metric))
    for role, labels in (("target", result.labels), ("retention", result.known_labels)):
        line[f"{role} top5"] = cells.get((role, "all", "top5"))
        for label in labels:
            line[f"{role}: {label}"] = _main(cells, role, label)
    return line


def _main(cells: dict[tuple[str, str, str], Average], role: str, label: str) -> Average | None:
    """The number that stands for the benchmark of a role; None where it was not asked."""
    return next((cells[role, label, metric] for metric in MAIN if (role, label, metric) in cells), None)
