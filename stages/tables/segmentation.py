"""Every number about the masks of a run: the paper's table of segmentation, before and after, with the controls."""

import pandas as pd

from stages.tables.contract import FEW, SETTING, Average, Result, cells_of, rate

NAMES = {
    "dice": "Dice (DSC)",
    "iou": "IoU",
    "nsd": "NSD",
    "nsd_slab": "NSD of a slab",
    "pointing": "maximum on the thing",
    "agreement": "agreement of both prompts",
    "empty": "empty masks",
}
RANDOM, CENTRE, SALIENCY = "random_", "centre_", "saliency_"  # how numbers of the controls, and of maps alone, begin
OF_EACH = ("dice", "pointing")  # numbers that each concept has a line for
Cells = dict[tuple[str, str, str], Average]


def build(result: Result) -> pd.DataFrame:
    """The numbers of the untouched model and of each recipe at its chosen learning rate, mean over seeds.

    Returns:
        Columns recipe, learning rate, things (taught, known, or a concept), number (what was measured of the
        segmenter's masks; of the saliency's own masks Dice alone), n (pictures), before, by description (the untouched
        model asked so), after, interval (95 %, of after: the span of the seeds' own), random prompt (before and after,
        asked for another thing), middle (asked for nothing: the middle of the picture), controls (each with its
        number); values times 100. Empty where the target did not ask for masks.

    Source: arXiv 2411.15611 Tables 4 and 7.
    """
    if not result.mask_metrics:
        return pd.DataFrame()
    rows = result.rows[result.rows["metric"].isin(result.mask_metrics)]
    groups = {key: cells_of(group) for key, group in rows.groupby(SETTING, sort=False, dropna=False)}
    asked = {setting: cells for (phase, setting, *_), cells in groups.items() if phase == "baseline"}
    found = [line for recipe in result.choice for line in _lines(result, recipe, asked, groups)]
    return pd.DataFrame(found, dtype=object)


def _lines(result: Result, recipe: str, asked: dict[str, Cells], groups: dict[tuple, Cells]) -> list[dict]:
    chosen = {
        (phase, setting): cells
        for (phase, setting, own, learning_rate), cells in groups.items()
        if own == recipe and result.is_chosen(recipe, learning_rate)
    }
    after = chosen["taught", "taught"]
    controls = {setting: cells for (phase, setting), cells in chosen.items() if phase == "control"}
    shown = {"recipe": recipe, "learning rate": rate(result.choice[recipe].learning_rate)}
    return [{**shown, **_line(key, asked, after, controls)} for key in after if _is_listed(result, key)]


def _is_listed(result: Result, key: tuple[str, str, str]) -> bool:
    """Whether a number has a line: most of taught and known things together, a few of each of some concepts."""
    _, label, metric = key
    if metric.startswith((RANDOM, CENTRE)) or (metric.startswith(SALIENCY) and metric != f"{SALIENCY}dice"):
        return False
    return label == "all" or (1 < len(result.labels) <= FEW and metric in OF_EACH)


def _line(
    key: tuple[str, str, str], asked: dict[str, Cells], after: Cells, controls: dict[str, Cells]
) -> dict[str, object]:
    role, label, metric = key
    before = asked["name"]
    random, middle = (role, label, RANDOM + metric), (role, label, CENTRE + metric)
    things = {"target": "taught", "retention": "known"}[role] if label == "all" else label
    both = [cells[random].percent for cells in (before, after) if random in cells]
    return {
        "things": things,
        "number": NAMES.get(metric.removeprefix(SALIENCY), metric) + (", saliency alone" if SALIENCY in metric else ""),
        "n": str(after[key].n),
        "before": before.get(key),
        "by description": asked.get("description", {}).get(key),
        "after": after[key],
        "interval": f"{100 * after[key].low:.1f} to {100 * after[key].high:.1f}",
        "random prompt": ", then ".join(both),
        "middle": before[middle].percent if middle in before else "",
        "controls": ", ".join(f"{name.replace('_', ' ')} {cells[key].percent}" for name, cells in controls.items()),
    }
