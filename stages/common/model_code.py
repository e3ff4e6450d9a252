"""Which files of this project a model is made of."""

import sys

HOMES = ("stages.models.", "stages.networks.")


def model_code(model: object) -> set[str]:
    """Dotted names of the loaded modules that a model's answers come from: its family, and the networks that it uses.

    A network is one of a family where the family's file names a class or function of it.
    """
    families = {kind.__module__ for kind in type(model).__mro__ if kind.__module__.startswith(HOMES)}
    named = [value for family in families for value in vars(sys.modules[family]).values()]
    homes = {str(getattr(value, "__module__", "")) for value in named}
    return families | {home for home in homes if home.startswith(HOMES) and not home.endswith(".contract")}
