"""What `dvc repro` would run, and why: every item, not only the first of each chain.

python -m pipeline status [TARGET...]
"""

from collections.abc import Sequence

from pipeline import dag


def lines(targets: Sequence[str]) -> list[str]:
    """One line for each item that is out of date, and one that counts them.

    Args:
        targets: as `dag.plan` has them.
    """
    stale, n = dag.plan(targets)
    if not stale:
        return [f"All {n} items are up to date."]
    width = max(len(item.name) for item in stale)
    told = [f"{item.name:{width}}  {_why(item)}" for item in stale]
    closing = f"{len(stale)} of {n} items are out of date."
    if any(not item.reasons for item in stale):
        closing += " One that only follows others stays as it is where they come out as they were."
    return [*told, "", closing]


def _why(item: dag.Stale) -> str:
    follows = [f"follows {', '.join(item.after)}"] if item.after else []
    return "; ".join([*item.reasons, *follows])
