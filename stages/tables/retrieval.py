"""Recall of captions and of pictures: the paper's table of retrieval, untouched and at each learning rate."""

import pandas as pd

from stages.tables.contract import CHOSEN, Average, Result, averages, control_lines, untouched_line


def build(result: Result) -> pd.DataFrame:
    """The untouched model; each recipe at each learning rate; the controls of the chosen one.

    Returns:
        Columns recipe, setting, learning rate (the chosen one marked), pictures and captions (the queries of text and
        of image retrieval), then "text R@1" and so on, mean over seeds with their range; empty where the target asks
        for classes.

    Source: arXiv 2411.15611 Tables 5 and 8.
    """
    if not result.recalls:
        return pd.DataFrame()
    lines = averages(result)
    shown = [untouched_line(lines)]
    for recipe in result.choice:
        taught = lines[(lines["phase"] == "taught") & (lines["recipe"] == recipe)]
        shown += [line for _, line in taught.iterrows()] + control_lines(lines, recipe)
    return pd.DataFrame([_line(line, result) for line in shown], dtype=object)


def _line(line: pd.Series, result: Result) -> dict:
    is_baseline = line["phase"] == "baseline"
    recalls = {metric.replace("_recall", " R"): line[f"target {metric}"] for metric in result.recalls}
    return {
        "recipe": "untouched" if is_baseline else line["recipe"],
        "setting": "" if is_baseline else line["setting"].replace("_", " "),
        "learning rate": line["rate"] + (f" {CHOSEN}" if line["is_chosen"] else ""),
        "pictures": _queries(recalls, "text"),
        "captions": _queries(recalls, "image"),
        **recalls,
    }


def _queries(recalls: dict[str, Average | None], kind: str) -> str:
    """How many queries of a kind there are, "" where none were asked."""
    return next((str(own.n) for name, own in recalls.items() if own and name.startswith(kind)), "")
