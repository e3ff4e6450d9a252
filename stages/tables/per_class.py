"""The known classes that a recipe forgot most."""

import pandas as pd

from stages.tables.contract import Result, per_cent, rate

SHOWN = 8  # classes a recipe: enough to see a pattern, few enough to read


def build(result: Result) -> pd.DataFrame:
    """Known classes that lost accuracy at the chosen learning rate, worst first.

    Returns:
        Columns recipe, learning rate, class, pictures, before, after, loss; the last three in per cent, mean over
        seeds. At most `SHOWN` classes a recipe, only such that lost; ties in the order of the rows.
    """
    known = result.rows[
        (result.rows["role"] == "retention") & (result.rows["label"] != "all") & (result.rows["metric"] == "top1")
    ]
    tables = [_worst(known, result, recipe) for recipe in result.choice]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _worst(known: pd.DataFrame, result: Result, recipe: str) -> pd.DataFrame:
    untouched = known[(known["phase"] == "baseline") & (known["setting"] == "name")].set_index("label")
    taught = known[(known["phase"] == "taught") & (known["recipe"] == recipe)]
    is_chosen = [result.is_chosen(recipe, learning_rate) for learning_rate in taught["learning_rate"]]
    after = taught[is_chosen].groupby("label", sort=False)["value"].mean()
    before = untouched["value"].astype(float).reindex(after.index)
    lost = (before - after).round(9)
    worst = lost[lost > 0].sort_values(ascending=False, kind="stable").index[:SHOWN]
    return pd.DataFrame(
        {
            "recipe": recipe,
            "learning rate": rate(result.choice[recipe].learning_rate),
            "class": worst,
            "pictures": untouched["n"].reindex(worst).astype(int).to_list(),
            "before": [per_cent(before[name]) for name in worst],
            "after": [per_cent(after[name]) for name in worst],
            "loss": [per_cent(lost[name]) for name in worst],
        }
    )
