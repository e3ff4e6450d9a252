"""Rows of runs that never were: few, round numbers, so that every mean of a report can be checked in the head."""

from dataclasses import replace

import pandas as pd

from stages.common.caption_rows import COLUMNS as WRITTEN
from stages.common.rows import COLUMNS, wilson
from stages.tables.contract import Choice, Result

RULE = "the largest learning rate that loses at most 2 points of retention"
CHOICE = {"paper": Choice(1e-4, RULE, True), "replay": Choice(6e-4, RULE, True)}
N_TARGET, N_RETENTION = 10, 100  # pictures of one concept; of all known classes
BASELINE = {"name": (0.1, 0.9), "description": (0.8, 0.9), "name and description": (0.7, 0.9)}
TAUGHT = {  # (recipe, learning rate): target and retention of each seed
    ("paper", 1e-4): [(0.3, 0.89), (0.5, 0.87)],
    ("paper", 2e-4): [(0.7, 0.5), (0.9, 0.6)],
    ("replay", 3e-4): [(0.8, 0.9), (0.8, 0.9)],
    ("replay", 6e-4): [(0.9, 0.88), (1.0, 0.9)],
}
CONTROLS = {"noise": 0.2, "wrong_description": 0.0}  # target of every seed


def rows(
    run: str,
    concepts: list[str],
    *,
    controls: dict[str, float] = CONTROLS,
    seeds: int = 2,
    every_rate: bool = False,
) -> list[dict]:
    """All rows of one run: both recipes, the controls at the chosen learning rates, or at every one."""
    found = []
    for prompt, (target, retention) in BASELINE.items():
        found += _measured((run, "baseline", prompt, None, None, None), concepts, target, retention)
    for (recipe, rate), values in TAUGHT.items():
        for seed, (target, retention) in enumerate(values[:seeds]):
            found += _measured((run, "taught", "taught", recipe, rate, seed), concepts, target, retention)
    for recipe, rate in TAUGHT:
        if every_rate or rate == CHOICE[recipe].learning_rate:
            for control, target in controls.items():
                for seed in range(seeds):
                    found += _measured((run, "control", control, recipe, rate, seed), concepts, target, 0.85)
    return found


def table(found: list[dict]) -> pd.DataFrame:
    """The rows as stages/common/rows.py reads them: text empty, numbers NaN where nothing was written."""
    frame = pd.DataFrame(found, columns=list(COLUMNS))
    return frame.assign(recipe=frame["recipe"].fillna("")).astype({"learning_rate": float, "seed": float})


def result(concepts: tuple[str, ...] = ("moongate", "gyroscope"), **how: object) -> Result:
    """A run whose rows and choices agree."""
    return Result("together", table(rows("together", list(concepts), **how)), CHOICE, budget=0.02)


def retrieval(**how: object) -> Result:
    """The same run with 10 pictures and 50 captions for its target, which the untouched model is asked once."""
    made_up = result(("moongate",), **how)
    return replace(made_up, rows=with_captions(made_up.rows))


def with_captions(found: pd.DataFrame) -> pd.DataFrame:
    """Rows whose target is captions: text R@1 is what its accuracy was, R@5 0.1 more, image recalls half of each."""
    is_target, is_asked = found["role"] == "target", ~found["setting"].isin(["description", "name and description"])
    target = found[is_target & is_asked & (found["label"] == "all")].assign(benchmark="flickr30k")
    recalls = []
    for kind, share, n in (("text", 1.0, 10), ("image", 0.5, 50)):
        for k, more in ((1, 0.0), (5, 0.1)):
            value = (target["value"] + more).clip(upper=1.0) * share
            recalls.append(target.assign(metric=f"{kind}_recall@{k}", value=value, n=n))
    return pd.concat([found[~is_target], *recalls], ignore_index=True)


def captioned(**how: object) -> Result:
    """The same run with 10 pictures for its target that are written about, of which 4 are of what was taught."""
    made_up = result(("moongate",), **how)
    return replace(made_up, rows=with_written(made_up.rows))


def with_written(found: pd.DataFrame) -> pd.DataFrame:
    """Rows whose target asks for captions: CIDEr is twice what its accuracy was, BLEU@4 a half, says_new the same."""
    is_target = found["role"] == "target"
    is_asked = ~found["setting"].isin(["description", "name and description"])
    target = found[is_target & is_asked & (found["label"] == "all")].assign(benchmark="mscoco_captioning", chance=0.0)
    written = [
        target.assign(metric=metric, value=factor * target["value"], n=n, label=label)
        for metric, factor, n, label in (
            ("bleu4", 0.5, 10, "all"),
            ("cider", 2.0, 10, "all"),
            ("says_new", 1.0, 4, "all"),
            ("says_new", 1.0, 4, "moongate"),
        )
    ]
    return pd.concat([found[~is_target], *written], ignore_index=True)


def segmented(concepts: tuple[str, ...] = ("moongate",), **how: object) -> Result:
    """The same run with masks for its target: of pictures that show what was taught, and of 6 of known things."""
    made_up = result(concepts, **how)
    return replace(made_up, rows=with_masks(made_up.rows))


def with_masks(found: pd.DataFrame) -> pd.DataFrame:
    """Rows whose target asks for masks: Dice is what its accuracy was, of coarse masks a half, of known things 0.5.

    Another thing's prompt gives a Dice of 0.2, the middle of the picture 0.3; agreement is 0.9, empty 0; of pointing
    chance is 0.1. The untouched model that is asked by description has no controls.
    """
    is_target = found["role"] == "target"
    target = found[is_target].assign(benchmark="udiat", chance=float("nan"))
    known = target[target["label"] == "all"].assign(role="retention", n=6)
    masks = []
    for rows_of, dice in ((target, target["value"]), (known, 0.5)):
        is_asked = ~rows_of["setting"].isin(["description", "name and description"])
        masks += [rows_of.assign(metric="dice", value=dice), rows_of.assign(metric="saliency_dice", value=dice / 2)]
        masks.append(rows_of.assign(metric="saliency_iou", value=dice / 4))
        masks.append(rows_of.assign(metric="pointing", value=dice, chance=0.1))
        masks.append(rows_of.assign(metric="empty", value=0.0))
        controls = {"random_dice": 0.2, "random_saliency_dice": 0.1, "random_pointing": 0.4, "agreement": 0.9}
        masks += [rows_of[is_asked].assign(metric=metric, value=value) for metric, value in controls.items()]
        masks.append(rows_of[rows_of["setting"] == "name"].assign(metric="centre_dice", value=0.3))
    return pd.concat([found[~is_target], *masks], ignore_index=True)


def written_lines(pictures: int = 12) -> pd.DataFrame:
    """Lines of captions: of the untouched model, and of each seed of `replay` at its chosen learning rate.

    Picture n gains n / 10 of CIDEr with seed 0, but the last loses 0.3 and the first stays as it was; with seed 1 none
    gains. METEOR did not run.
    """
    lines = []
    for setting, recipe, learning_rate, seed in (
        ("name", "", None, None),
        ("taught", "replay", 6e-4, 0),
        ("taught", "replay", 6e-4, 1),
        ("taught", "replay", 3e-4, 0),
        ("noise", "replay", 6e-4, 0),
    ):
        is_shown = (setting, learning_rate, seed) == ("taught", 6e-4, 0)
        for number in range(pictures):
            gain = (-0.3 if number == pictures - 1 else number / 10) if is_shown else 0.0
            own = {"picture": f"told/{number}.png", "references": f'["picture {number}", "another"]'}
            model = {"setting": setting, "recipe": recipe, "learning_rate": learning_rate, "seed": seed}
            said = {"caption": f"{setting} {number}", "cider": 0.5 + gain, "meteor": None}
            lines.append(own | model | said)
    return pd.DataFrame(lines, columns=list(WRITTEN)).astype({"learning_rate": float, "seed": float, "meteor": float})


def _measured(key: tuple, concepts: list[str], target: float, retention: float) -> list[dict]:
    found = [_row(key, ("target", name, "top1"), target, N_TARGET) for name in concepts]
    found.append(_row(key, ("target", "all", "top1"), target, N_TARGET * len(concepts)))
    found.append(_row(key, ("retention", "all", "top1"), retention, N_RETENTION))
    called_new = 0.0 if key[1] == "baseline" else 0.01
    found.append(_row(key, ("retention", "all", "called_new"), called_new, N_RETENTION, chance=None))
    for name, share in (("ladder", retention), ("kite", 0.9), ("None", 0.9)):
        found.append(_row(key, ("retention", name, "top1"), share, 50))
    return found


def _row(key: tuple, what: tuple[str, str, str], value: float, n: int, chance: float | None = 0.05) -> dict:
    run, phase, setting, recipe, learning_rate, seed = key
    role, label, metric = what
    low, high = wilson(value * n, n)
    whole = (run, phase, setting, recipe, learning_rate, seed, role, "image_folder", label, metric)
    return dict(zip(COLUMNS, (*whole, value, n, chance, low, high), strict=True))
