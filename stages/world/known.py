"""The everyday things that the model of the drawn world knows by name."""

from stages.world import things_built, things_indoors, things_nature, things_tools, things_toys
from stages.world.thing_parts import Thing

KNOWN: dict[str, Thing] = {
    **things_nature.THINGS,
    **things_built.THINGS,
    **things_tools.THINGS,
    **things_indoors.THINGS,
    **things_toys.THINGS,
}
