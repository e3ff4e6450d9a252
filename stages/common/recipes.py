"""The recipes that a run names: each a file of stages/recipes with settings of its own."""

from types import ModuleType

from stages.common import checks, lookup
from stages.common.failures import UserError
from stages.common.params import Run


def recipes_of(run: Run) -> dict[str, tuple[ModuleType, object]]:
    """The recipes of a run: name -> module and checked settings.

    Raises:
        UserError: an unknown key, a wrong type, a value out of range, or a recipe that replays images of known classes
            in a run that has none.
    """
    found = {}
    for name, mapping in run.recipes.items():
        where = f"params.yaml: runs.{run.key}.recipes"
        recipe = lookup.find("stages.recipes", name, where)
        own = {key: value for key, value in mapping.items() if key != "learning_rates"}
        settings = checks.settings(recipe.Settings, own, f"{where}.{name}")
        if settings.replays and not run.replay_images:
            raise UserError(
                f"params.yaml: runs.{run.key}.replay_images is 0, but the recipe {name!r} needs images of known "
                "classes. Write 1 or more, or set the weights of its terms that replay them to 0."
            )
        found[name] = (recipe, settings)
    return found


def has_own_settings(run: Run) -> bool:
    """Whether `recipes_of` could find fault with a run that params.yaml's own check has passed."""
    return not run.replay_images or any(set(mapping) - {"learning_rates"} for mapping in run.recipes.values())
