"""The parts of a model that a recipe may train, by name."""

from collections.abc import Collection

from stages.common.failures import UserError
from stages.common.lookup import nearest

PARTS = ("visual_encoder", "last_stage", "head", "text_encoder", "decoder", "both")


def known_part(part: str, own: Collection[str]) -> str:
    """The part itself.

    Args:
        part: as it is asked for.
        own: those of PARTS that the model at hand has.

    Raises:
        UserError: no model has it, or this one has not.
    """
    if part not in PARTS:
        raise UserError(f"a model has no part {part!r}.{nearest(part, PARTS)} It has: {', '.join(own)}.")
    if part not in own:
        raise UserError(f"{part}: this architecture has none. It has: {', '.join(own)}.")
    return part
