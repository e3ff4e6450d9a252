"""What each learning rate of a run taught and what it cost, as plain numbers: the file beside the rows of the run."""

import pandas as pd

from stages.tables.contract import Result, averages, control_lines, untouched_line

COLUMNS = (
    "recipe",
    "setting",
    "learning_rate",
    "within_budget",
    "chosen",
    "seeds",
    "target_before",
    "target_after",
    "retention_before",
    "retention_after",
    "target_pictures",
    "retention_pictures",
)


def build(result: Result) -> pd.DataFrame:
    """The untouched model in each way of asking it; each recipe at each rate; the controls of the chosen rate.

    Returns:
        COLUMNS. recipe: "untouched" for the model before. setting: the way of asking it, or "taught", or the control.
        within_budget, chosen: "yes" or "no", for "taught" alone: whether it loses no more of retention than the run
        allows, and whether the rule chose it. seeds: how many. Top-1 of target and retention, R@1 of text retrieval,
        CIDEr of captions, Dice of masks: fractions, mean over seeds; before, where something was taught, is the
        untouched model asked by name. Missing where a column has no meaning.
    """
    lines = averages(result)
    before = _measured(untouched_line(lines), "before")
    found = [_untouched(line) for _, line in lines[lines["phase"] == "baseline"].iterrows()]
    for recipe in result.choice:
        taught = lines[(lines["phase"] == "taught") & (lines["recipe"] == recipe)]
        for _, line in taught.iterrows():
            verdict = {"within_budget": line["loss"].mean <= result.budget + 1e-9, "chosen": line["is_chosen"]}
            words = {name: "yes" if is_so else "no" for name, is_so in verdict.items()}
            found.append({**_trained(line), **before, **words})
        found += [{**_trained(line), **before} for line in control_lines(lines, recipe)]
    return pd.DataFrame(found, columns=list(COLUMNS), dtype=object)


def _untouched(line: pd.Series) -> dict:
    return {"recipe": "untouched", "setting": line["setting"], **_measured(line, "before")}


def _trained(line: pd.Series) -> dict:
    own = {"recipe": line["recipe"], "setting": line["setting"], "learning_rate": line["learning_rate"]}
    return {**own, "seeds": line["target"].seeds, **_measured(line, "after")}


def _measured(line: pd.Series, when: str) -> dict:
    found = {}
    for role in ("target", "retention"):
        if line[role] is not None:  # captions are asked in one way alone
            found |= {f"{role}_{when}": round(line[role].mean, 4), f"{role}_pictures": line[role].n}
    return found
