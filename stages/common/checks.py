"""Checks of what a user wrote, each with an error that says where, what, what is allowed, and the nearest match."""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from stages.common.document import place
from stages.common.failures import UserError
from stages.common.lookup import nearest

Settings = TypeVar("Settings")

SHOWN = 40  # names that an error lists
SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", dict: "a mapping"}


def settings(cls: type[Settings], mapping: object, where: str) -> Settings:
    """Turn a mapping of params.yaml into a frozen dataclass, checking every key and type.

    A field without a default is required. Fields may be str, int, float (a whole number will do), bool, dict,
    Literal[...], tuple[X, ...] (a list), X | None, X | tuple[X, ...] and X | dict. A ValueError of the dataclass's own
    `__post_init__` (ranges) is told with the place.

    Args:
        cls: the dataclass, e.g. `Settings` of stages/invert.py.
        mapping: what was read, e.g. `run.invert`.
        where: its place, e.g. "params.yaml: runs.world-together.invert".

    Raises:
        UserError: no mapping, an unknown or missing key, a wrong type, or a value that the dataclass refuses.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    required = [name for name, field in fields.items() if _is_required(field)]
    keys(mapping, where, required=required, allowed=list(fields))
    hints = typing.get_type_hints(cls)
    values = {name: typed(value, hints[name], place(where, mapping, name)) for name, value in mapping.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def keys(mapping: object, where: str, *, required: Sequence[str], allowed: Sequence[str]) -> None:
    """Refuse what is no mapping, a key that is not allowed, and a required key that is missing."""
    if not isinstance(mapping, Mapping):
        raise UserError(f"{where} must be a mapping with the keys {', '.join(allowed)}, but is {mapping!r}.")
    for key in mapping:
        if key not in allowed:
            raise UserError(
                f"{place(where, mapping, key)} is no key that is known here.{nearest(key, allowed)} "
                f"Allowed: {', '.join(allowed)}."
            )
    for key in required:
        if key not in mapping:
            raise UserError(f"{where} lacks the key {key!r}. Needed: {', '.join(required)}.")


def typed(value: object, kind: object, where: str) -> object:
    """The value as the kind asked for: lists become tuples, whole numbers become floats where floats are meant.

    Raises:
        UserError: the value is of another kind.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _one_kind_of(value, inner, where)
    if origin is typing.Literal:
        return one_of(value, inner, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise UserError(f"{where} says {value!r}, but must be a list, such as [{value}].")
        return tuple(typed(item, inner[0], where) for item in value)
    return _scalar(value, origin or kind, where)


def _one_kind_of(value: object, kinds: tuple[type, ...], where: str) -> object:
    """The value as None, as a list, as a mapping or as the first kind, whichever of them is allowed and fits."""
    if value is None and types.NoneType in kinds:
        return None
    if isinstance(value, Mapping) and dict in kinds:
        return value
    lists = [kind for kind in kinds if typing.get_origin(kind) is tuple]
    return typed(value, lists[0] if lists and isinstance(value, list | tuple) else kinds[0], where)


def _scalar(value: object, kind: type, where: str) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where} says {value!r}, but must be a finite number.")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
        return value
    hint = " Write it without quotes, like 1.0e-4." if kind in (int, float) and _reads_as_number(value) else ""
    raise UserError(f"{where} says {value!r}, but must be {WORDS.get(kind, kind.__name__)}.{hint}")


def _reads_as_number(value: object) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return isinstance(value, str)


def one_of(value: object, allowed: Collection[object], where: str) -> object:
    """The value itself, which must be one of the allowed ones."""
    if value not in allowed:
        shown = listed([repr(option) for option in allowed])
        raise UserError(f"{where} says {value!r}.{nearest(value, map(str, allowed))} Allowed: {shown}.")
    return value


def listed(names: Collection[str]) -> str:
    """Names for an error: all, or the first of very many and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join([*names][:SHOWN]) + more


def safe_name(name: object, where: str) -> None:
    """Refuse a name that is no safe part of a path on every system."""
    if not isinstance(name, str) or not SAFE_NAME.fullmatch(name):
        raise UserError(
            f"{where}: the name {name!r} names files and folders, so it must start with a small letter or a digit and "
            "hold only a-z, 0-9, '-' and '_'."
        )


def distinct(values: Sequence[Hashable], where: str) -> None:
    """Refuse an empty list, and one that holds a value twice."""
    if not values:
        raise UserError(f"{where} is empty, but needs at least one entry.")
    seen = set()
    for value in values:
        if value in seen:
            raise UserError(f"{where} lists {value!r} twice. Keep one of them.")
        seen.add(value)


def at_least(value: float, low: float, where: str) -> None:
    """Refuse a number below `low`, and NaN."""
    if not value >= low:
        raise UserError(f"{where} says {value!r}, but must be at least {low}.")


def within(value: float, low: float, high: float, where: str) -> None:
    """Refuse a number outside [low, high], and NaN."""
    if not low <= value <= high:
        raise UserError(f"{where} says {value!r}, but must lie from {low} to {high}.")
