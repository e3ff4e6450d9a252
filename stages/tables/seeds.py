"""Every seed's own number with its interval: what the averages of the other tables hide."""

import pandas as pd

from stages.tables.contract import Result, per_cent, rate

OF_MASKS = ("dice", "random_dice", "pointing", "random_pointing")


def build(result: Result) -> pd.DataFrame:
    """Numbers of each seed; known classes, concepts that are not listed and most numbers of masks are left to rows.csv.

    Returns:
        Columns setting, recipe, learning rate, seed, role, label, metric, value, interval (95 %; both times
        100), n (of queries: pictures, and for image recall captions), chance.
    """
    is_listed = (result.rows["role"] == "target") & result.rows["label"].isin(result.listed)
    is_left = result.rows["metric"].isin(set(result.mask_metrics) - {*OF_MASKS})
    rows = result.rows[(is_listed | (result.rows["label"] == "all")) & ~is_left]
    return pd.DataFrame([_line(row) for row in rows.to_dict("records")], dtype=object)


def _line(row: dict) -> dict:
    is_baseline = row["phase"] == "baseline"
    chance = row["chance"]
    return {
        "setting": f"untouched, by {row['setting']}" if is_baseline else row["setting"].replace("_", " "),
        "recipe": "" if is_baseline else row["recipe"],
        "learning rate": "" if is_baseline else rate(row["learning_rate"]),
        "seed": "" if is_baseline else str(int(row["seed"])),
        "role": row["role"],
        "label": row["label"],
        "metric": row["metric"],
        "value": per_cent(row["value"]),
        "interval": f"{per_cent(row['low'])} to {per_cent(row['high'])}",
        "n": str(int(row["n"])),
        "chance": "" if pd.isna(chance) else per_cent(float(chance)),
    }
