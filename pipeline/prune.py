"""Removes the results of concepts and runs that params.yaml no longer names, after showing them.

    python -m pipeline prune [--yes]

DVC leaves them on disk and in dvc.lock. Their content stays in DVC's cache until `dvc gc`, so that a run that is
written back is restored instead of computed.
"""

import sys

from pipeline import dag


def main(*, is_sure: bool) -> list[str]:
    """Show what is left over and, when the user agrees, remove it.

    Args:
        is_sure: remove without asking.

    Returns:
        What happened, in lines.
    """
    gone = dag.leftovers()
    if not gone:
        return ["params.yaml names all that is there: nothing to remove."]
    print("\n".join(_shown(gone)))
    if not is_sure and not _agrees():
        return ["Nothing was removed. `python -m pipeline prune --yes` removes it."]
    dag.drop(gone)
    return [f"Removed {sum(len(one.outs) for one in gone)} results and {len(gone)} entries of dvc.lock."]


def _shown(gone: list[dag.Leftover]) -> list[str]:
    told = []
    for one in gone:
        outs = [str(path) for path in one.outs] + [f"{path} (edited by hand: stays)" for path in one.edited]
        told.append(f"{one.name}: {', '.join(outs) or 'no result on disk'}")
    return ["dvc.lock has, and params.yaml does not name any more:", *told]


def _agrees() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("Remove them? [y/N] ").strip().lower() in ("y", "yes")
