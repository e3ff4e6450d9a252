"""How close the inverted images came to their description, step by step."""

import pandas as pd
from matplotlib.figure import Figure

from stages.figures.contract import SERIES, blank


def draw(histories: dict[str, pd.DataFrame]) -> Figure:
    """One curve for each history: the mean over its images, in a band from the worst to the best of them.

    Args:
        histories: what the legend calls it, a concept or a seed, to columns step, image, similarity (a cosine, or the
            probability of a match).
    """
    figure, axes = blank(3.8, 2.5)
    for (name, history), color in zip(histories.items(), SERIES * len(histories), strict=False):
        by_step = history.groupby("step")["similarity"]
        axes.fill_between(by_step.min().index, by_step.min(), by_step.max(), color=color, alpha=0.15, linewidth=0)
        mean = by_step.mean()
        mark = "o" if len(mean) == 1 else None  # a line of one point cannot be seen
        axes.plot(mean, color=color, linewidth=1.2, marker=mark, markersize=4, label=name)
    axes.set_xlabel("step of inversion")
    axes.set_ylabel("similarity to the description")
    axes.tick_params(length=0)
    axes.margins(x=0.01)
    if 0 < len(histories) <= len(SERIES):  # more would hide the curves
        axes.legend(loc="lower right")
    return figure
