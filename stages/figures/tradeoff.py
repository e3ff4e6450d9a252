"""What was learned against what was kept: target accuracy over retention accuracy of one run."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from stages.figures.contract import INK, PAPER, QUIET, RULE, SERIES, ZONE, blank

PROMPTS = {"name": "D", "description": "d", "name and description": "P"}
CONTROLS = {"noise": "o", "wrong_description": "s", "no_name": "^"}
MARGIN = {"left": 0.02, "right": 0.006}  # free retention accuracy beside the marks; the right side is stretched
WORDS_WIDTH = 0.25  # of the frame's width: what the words beside the zone take
TICK_GAP = {"small": 0.2, "large": 0.09}  # of the frame's width: nearer numbers on the axis would touch


def draw(
    lines: pd.DataFrame,
    budget: float,
    *,
    words: dict[str, str],
    target: str = "target accuracy",
    is_small: bool = False,
) -> Figure:
    """Each recipe as a line through its learning rates, its chosen one filled and large; its controls hollow.

    The retention axis is stretched towards its upper end, by the square root of the distance from it, since recipes
    worth having differ by few points there while others lose nearly all.

    Args:
        lines: `averages` of one run (stages/tables/contract.py): phase, setting, recipe, learning_rate, is_chosen, and
            target, retention as averages over seeds, rate (learning rate as text). A line without both is left out.
        budget: share of the retention accuracy that may be lost, a fraction; the zone that keeps it is tinted.
        words: name of a recipe to its name in the legend.
        target: what the target number is called; CIDEr may be above 1 and is no share.
        is_small: a small multiple, without learning rates, whose legend has the recipes alone.
    """
    shown = lines[[bool(a and b) for a, b in zip(lines["target"], lines["retention"], strict=True)]]
    figure, axes = blank(3.4, 2.7) if is_small else blank(7.2, 4.6)
    recipes = list(dict.fromkeys(shown.loc[shown["phase"] == "taught", "recipe"]))
    for recipe, color in zip(recipes, SERIES * len(recipes), strict=False):
        own = shown[shown["recipe"] == recipe]
        controls = own[(own["phase"] == "control") & own["is_chosen"]]
        _controls(axes, controls, color, scale=0.7 if is_small else 1)
        _curve(axes, own[own["phase"] == "taught"], color, label=words.get(recipe, recipe), is_small=is_small)
    _untouched(axes, shown[shown["phase"] == "baseline"], scale=0.7 if is_small else 1)
    _frame(axes, shown, gap=TICK_GAP["small" if is_small else "large"])
    axes.set_ylabel(target)
    if "CIDEr" in target:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
    _zone(axes, shown, budget, is_small=is_small)
    if not is_small:
        _legend(figure, axes, shown)
    elif recipes:
        axes.legend(loc="best", fontsize=6)
    return figure


def _zone(axes: Axes, shown: pd.DataFrame, budget: float, *, is_small: bool) -> None:
    for before in shown.loc[shown["setting"] == "name", "retention"]:
        least = before.mean - budget
        axes.axvspan(least, before.greatest + 1, color=ZONE, linewidth=0, zorder=0)
        if not is_small:
            low, high = axes.get_xlim()
            place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            words, corner = f"loses at most {100 * budget:g} points", max(least, low)
            if _across(corner, low, high) > WORDS_WIDTH:  # else they stand inside the zone
                axes.annotate(f"{words} →", (corner, 0), ha="right", xytext=(-4, 4), fontsize=7.5, color=QUIET, **place)
            else:
                axes.annotate(words, (corner, 0), ha="left", xytext=(4, 4), fontsize=7.5, color=QUIET, **place)


def _curve(axes: Axes, own: pd.DataFrame, color: str, *, label: str, is_small: bool) -> None:
    x, y = ([average.mean for average in own[name]] for name in ("retention", "target"))
    axes.plot(x, y, color=color, linewidth=1.2, marker="o", markersize=3, label=label, zorder=3)
    for _, line in own.iterrows():
        across, up = line["retention"], line["target"]
        reach = {"xerr": _reach(across), "yerr": _reach(up)}
        axes.errorbar(across.mean, up.mean, **reach, color=color, linewidth=0.8, alpha=0.6, zorder=2)
        if line["is_chosen"]:
            size = 6 if is_small else 9
            axes.plot(across.mean, up.mean, "o", color=color, markersize=size, markeredgecolor=PAPER, zorder=5)
        if not is_small:
            offset = (7, -11) if line["is_chosen"] else (7, 4)  # neighbours on the curve may lie close together
            place = {"textcoords": "offset points", "xytext": offset, "fontsize": 7.5, "color": color}
            axes.annotate(line["rate"], (across.mean, up.mean), **place)


def _reach(average: object) -> list[list[float]]:
    # the mean of equal numbers may miss them by a last digit, and an error bar must not be negative
    return [[max(0.0, average.mean - average.least)], [max(0.0, average.greatest - average.mean)]]


def _controls(axes: Axes, own: pd.DataFrame, color: str, *, scale: float) -> None:
    for _, line in own.iterrows():
        marker = CONTROLS.get(line["setting"], "v")
        look = {"marker": marker, "markersize": 6 * scale, "markerfacecolor": "none", "markeredgecolor": color}
        axes.plot(line["retention"].mean, line["target"].mean, linestyle="none", **look, zorder=4)


def _untouched(axes: Axes, baseline: pd.DataFrame, *, scale: float) -> None:
    for _, line in baseline.iterrows():
        face = INK if line["setting"] == "name" else PAPER
        look = {"markersize": 6 * scale, "markerfacecolor": face, "markeredgecolor": INK, "linestyle": "none"}
        marker = PROMPTS.get(line["setting"], "X")
        axes.plot(line["retention"].mean, line["target"].mean, marker=marker, **look, zorder=4)


def _frame(axes: Axes, shown: pd.DataFrame, *, gap: float) -> None:
    ends = [end for average in shown["retention"] for end in (average.least, average.greatest)]
    low, high = min(ends, default=0.0) - MARGIN["left"], max(ends, default=1.0) + MARGIN["right"]
    stretch = (lambda x: -np.sqrt(np.maximum(high - x, 0)), lambda y: high - np.square(y))
    axes.set_xscale("function", functions=stretch)
    axes.set_xlim(low, high)
    axes.set_xticks(_ticks(low, high, gap), minor=False)
    axes.set_ylim(-0.04, 1.04 * max([1.0, *(average.greatest for average in shown["target"])]))
    axes.set_xlabel("retention accuracy, stretched to the right")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.tick_params(length=0)


def _ticks(low: float, high: float, gap: float) -> list[float]:
    """Whole per cents inside the frame, the roundest first, none nearer to another than `gap` of the frame's width."""
    kept: list[float] = []
    for step in (20, 10, 5, 2, 1):
        if len(kept) >= 0.6 / gap:
            break
        for tick in (percent / 100 for percent in range(0, 101, step)):
            places = [abs(_across(tick, low, high) - _across(other, low, high)) for other in kept]
            if low <= tick <= high and min(places, default=1) >= gap:
                kept.append(tick)
    return sorted(kept)


def _across(x: float, low: float, high: float) -> float:
    """Where x stands between the frame's left (0) and right (1) side."""
    return 1 - math.sqrt(max(high - x, 0) / (high - low))


def _legend(figure: Figure, axes: Axes, shown: pd.DataFrame) -> None:
    entry = {"color": INK, "linestyle": "none", "markersize": 5}
    for prompt in shown.loc[shown["phase"] == "baseline", "setting"]:
        face = INK if prompt == "name" else PAPER
        label = f"untouched, by {prompt}"
        axes.plot([], [], marker=PROMPTS.get(prompt, "X"), markerfacecolor=face, label=label, **entry)
    for control in dict.fromkeys(shown.loc[shown["phase"] == "control", "setting"]):
        label = f"control: {control.replace('_', ' ')}"
        axes.plot([], [], marker=CONTROLS.get(control, "v"), markerfacecolor="none", label=label, **entry)
    figure.legend(loc="outside lower center", ncols=3, edgecolor=RULE)
