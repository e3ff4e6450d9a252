"""What did not work: every finding against a run, in words, found in its rows by fixed rules."""

import pandas as pd

from stages.common.faults import few
from stages.tables.contract import (
    FEW,
    Average,
    Result,
    averages,
    control_lines,
    per_cent,
    taught_line,
    untouched_line,
)


def build(result: Result) -> pd.DataFrame:
    """Findings against each recipe of a run at its chosen learning rate.

    Returns:
        Columns run, recipe, finding (a sentence). Looked for: a missed budget; a target accuracy at or below the
        untouched model's, below chance with its whole interval, or below what the untouched model reaches when
        prompted by the description; a control that reaches as much as the taught model, or half of its gain; known
        pictures called by a taught name more often than the budget allows; masks for which another thing's prompt, or
        none, does as well; no control, or a single seed. Of concepts that are too many to be listed, those with the
        same finding are counted in one sentence.
    """
    lines = averages(result)
    found = [(recipe, finding) for recipe in result.choice for finding in _findings(result, lines, recipe)]
    return pd.DataFrame([(result.run, *pair) for pair in found], columns=["run", "recipe", "finding"])


def _findings(result: Result, lines: pd.DataFrame, recipe: str) -> list[str]:
    after, before, against = taught_line(lines, recipe), untouched_line(lines), control_lines(lines, recipe)
    together = "all concepts" if result.target == "target accuracy" else result.target
    unit = "" if result.caption_metrics or result.mask_metrics else " %"
    columns = {label: f"target: {label}" for label in result.labels}
    if len(columns) != 1:  # else it is the same number twice
        columns = {together: "target", **columns}
    verdicts = {}
    for name, column in columns.items():
        verdicts[name] = _target(after[column], before[column], unit)
        for control in against:
            words = f"the control “{control['setting'].replace('_', ' ')}” reaches"
            verdicts[name] |= _control(after[column], before[column], control[column], words, unit)
    found = _budget(result, after, recipe) + _new_names(result, after, before)
    found += _told(verdicts, together, is_counted=len(result.labels) > FEW)
    found += _description(lines, after, unit) + _prompt(after, before)
    return found + _design(after, against)


def _told(verdicts: dict[str, dict[str, str]], together: str, *, is_counted: bool) -> list[str]:
    """The verdicts as sentences, one each; or those on single concepts counted, with the first names of each kind.

    Args:
        verdicts: concept, or `together` for all of them, to kind of verdict to its words with figures.
        together: what stands for all concepts.
        is_counted: whether single concepts are counted.
    """
    told, counted = [], {}
    for name, kinds in verdicts.items():
        for kind, words in kinds.items():
            if is_counted and name != together:
                counted.setdefault(kind, []).append(name)
            else:
                told.append(f"{name}: {words}.")
    return told + [
        f"{len(names)} of {len(verdicts) - 1} concepts: {kind} ({few(names)})." for kind, names in counted.items()
    ]


def _budget(result: Result, after: pd.Series, recipe: str) -> list[str]:
    if result.choice[recipe].met_budget:
        return []
    lost = "" if after["loss"] is None else f"; the one shown loses {after['loss'].percent}"
    return [f"The budget was missed: no learning rate loses at most {per_cent(result.budget)} points{lost}."]


def _new_names(result: Result, after: pd.Series, before: pd.Series) -> list[str]:
    if after["called_new"] is None or before["called_new"] is None:
        return []
    rise = after["called_new"].mean - before["called_new"].mean
    if rise <= result.budget:
        return []
    pair = f"{before['called_new'].percent} % before, {after['called_new'].percent} % after"
    return [f"Known pictures are called by a taught name more often: {pair}."]


def _target(after: Average | None, before: Average | None, unit: str) -> dict[str, str]:
    """Verdicts on what was learned: kind to its words with figures, behind which the unit stands."""
    if after is None or before is None:
        return {}
    found = {}
    if after.mean <= before.mean:
        verdict = "nothing was learned" if after.mean == before.mean else "less is found than before"
        found[verdict] = f"{verdict}, {before.percent}{unit} before and {after.percent}{unit} after"
    if after.chance is not None and after.high is not None and after.high < after.chance:
        found["what is found lies below chance"] = (
            f"{after.percent}{unit} lies below chance ({per_cent(after.chance)}{unit})"
        )
    return found


def _control(
    after: Average | None, before: Average | None, control: Average | None, words: str, unit: str
) -> dict[str, str]:
    """Verdicts on a control, as `_target` gives them; `words` begin the sentence."""
    if after is None or before is None or control is None:
        return {}
    if control.mean >= after.mean:
        kind = "no less than the taught model"
        return {f"{words} {kind}": f"{words} {control.percent}{unit}, {kind} ({after.percent}{unit})"}
    gain = after.mean - before.mean
    if control.mean - before.mean >= gain / 2:
        kind, figures = "half or more of the taught model's gain", f"({before.percent} to {after.percent}{unit})"
        return {f"{words} {kind}": f"{words} {control.percent}{unit}, {kind} {figures}"}
    return {}


def _prompt(after: pd.Series, before: pd.Series) -> list[str]:
    """Whether masks come from the prompt at all: what another thing's gives, and the middle of the picture."""
    own, found = after["target"], []
    others = {
        "The prompt of another thing": after.get("target random_dice"),
        "The middle of the picture, without a model,": before.get("target centre_dice"),
    }
    for words, other in others.items():
        if own is not None and other is not None and other.mean >= own.mean:
            found.append(f"{words} reaches {other.percent}, no less than the own prompt ({own.percent}).")
    once, now = before.get("target random_dice"), after.get("target random_dice")
    if None not in (own, once, now) and own.mean > before["target"].mean:
        gains = own.mean - before["target"].mean, now.mean - once.mean
        if gains[1] >= gains[0] / 2:
            pair = f"{per_cent(gains[1])} of {per_cent(gains[0])} points"
            found.append(f"Half or more of the gain comes for the prompt of another thing, too: {pair}.")
    return found


def _description(lines: pd.DataFrame, after: pd.Series, unit: str) -> list[str]:
    found = lines[(lines["phase"] == "baseline") & (lines["setting"] == "description")]
    prompted = None if found.empty else found.iloc[0]["target"]
    if prompted is None or after["target"] is None or prompted.mean <= after["target"].mean:
        return []
    pair = f"{prompted.percent}{unit} against {after['target'].percent}{unit} by name after teaching"
    return [f"The untouched model does better when it is prompted by the description: {pair}."]


def _design(after: pd.Series, against: list[pd.Series]) -> list[str]:
    found = [] if against else ["No control was run, so part of the gain may have another cause than the text."]
    if after["target"] is not None and after["target"].seeds < 2:
        found.append("One seed only: nothing is known of the spread.")
    return found
