"""What a user asked for and cannot be done: told in one line, with what there is and what is nearest."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

SHOWN = 40  # names that a message lists


class UserError(Exception):
    """A request that cannot be met; its text is the whole message."""


class UnreadyError(Exception):
    """Runs lack something that they need before anything is computed; its text is the whole message."""


def unknown(what: str, name: str, known: Iterable[str]) -> UserError:
    """A mistake that names the nearest of `known` and lists them, the first of very many.

    Args:
        what: where `name` was looked for, e.g. "dvc.yaml has no stage".
        name: what was asked for.
        known: what there is.
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UserError(f"{what} '{name}'.{hint} It has: {listed(names) or 'none'}.")


def listed(names: Sequence[str]) -> str:
    """Names for a message: all, or the first of very many and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
