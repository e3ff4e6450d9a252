"""Every number about the captions of a run: the paper's table of captioning, before and after, with the controls."""

import pandas as pd

from stages.tables.contract import CAPTION_METRICS, FEW, SETTING, Average, Result, cells_of, rate

NAMES = {
    **CAPTION_METRICS,
    "says_new": "says a taught name where it belongs",
    "says_new_wrongly": "says a taught name where it does not",
    "says_class": "says the known class",
}
Cells = dict[tuple[str, str, str], Average]


def build(result: Result) -> pd.DataFrame:
    """Each number of the untouched model and of each recipe at its chosen learning rate, mean over seeds.

    Returns:
        Columns recipe, learning rate, number (what was measured; with the name of a concept where it is about one of
        several), n (pictures), before, after, interval (95 %, of after: the span of the seeds' own), controls
        (each with its number); values times 100. Empty where the target did not ask for captions.

    Source: arXiv 2411.15611 Tables 6 and 9.
    """
    if not result.caption_metrics:
        return pd.DataFrame()
    rows = result.rows[result.rows["role"] == "target"]
    groups = {key: cells_of(group) for key, group in rows.groupby(SETTING, sort=False, dropna=False)}
    before = next(cells for (phase, *_), cells in groups.items() if phase == "baseline")
    return pd.DataFrame(
        [line for recipe in result.choice for line in _lines(result, recipe, before, groups)], dtype=object
    )


def _lines(result: Result, recipe: str, before: Cells, groups: dict[tuple, Cells]) -> list[dict]:
    chosen = {
        (phase, setting): cells
        for (phase, setting, own, learning_rate), cells in groups.items()
        if own == recipe and result.is_chosen(recipe, learning_rate)
    }
    after = chosen["taught", "taught"]
    controls = {setting: cells for (phase, setting), cells in chosen.items() if phase == "control"}
    return [
        {
            "recipe": recipe,
            "learning rate": rate(result.choice[recipe].learning_rate),
            "number": NAMES.get(metric, metric.replace("_", " ")) + ("" if label == "all" else f", {label}"),
            "n": str(after[key].n),
            "before": before.get(key),
            "after": after[key],
            "interval": f"{100 * after[key].low:.1f} to {100 * after[key].high:.1f}",
            "controls": ", ".join(
                f"{name.replace('_', ' ')} {cells[key].percent}" for name, cells in controls.items() if key in cells
            ),
        }
        for key in after
        for _, label, metric in [key]
        if label in ("all", *_listed(after))
    ]


def _listed(cells: Cells) -> list[str]:
    """The concepts that are listed one by one: none where the run has a single one, or too many."""
    names = list(dict.fromkeys(label for _, label, _ in cells if label != "all"))
    return names if 1 < len(names) <= FEW else []
