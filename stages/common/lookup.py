"""Find a sibling by its file name: a model family, a benchmark, a metric, a recipe, a writer.

A noun folder is its own registry. A file `stages/models/vilt.py` is the family `vilt`; dropping the file in adds it,
deleting the file removes it.
"""

import ast
import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from stages.common.failures import UserError


def names(package: str) -> list[str]:
    """Names that `find(package, name)` accepts, sorted; `contract` is not one of them. Imports none of them."""
    home = importlib.import_module(package)
    return sorted(module.name for module in pkgutil.iter_modules(home.__path__) if module.name != "contract")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like this one as " Did you mean 'vilt'?", or "" when none is like it."""
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def check(package: str, name: str, asked_by: str) -> None:
    """Refuse a name without a file, importing nothing from the folder.

    Args:
        package: dotted folder, e.g. "stages.models".
        name: file name without ".py", as written in params.yaml.
        asked_by: where the name was written, e.g. "params.yaml: runs.world-together.family".

    Raises:
        UserError: no such file; the message lists the files there are and the nearest one.
    """
    known = names(package)
    if name not in known:
        folder = package.replace(".", "/")
        raise UserError(
            f"{asked_by} says {name!r}, but {folder}/ has no {name}.py.{nearest(name, known)} "
            f"It has: {', '.join(known) or 'nothing yet'}."
        )


def find(package: str, name: str, asked_by: str) -> ModuleType:
    """Import the file `name` of the folder `package`; nothing else in the folder is imported.

    Args:
        package: dotted folder, e.g. "stages.models".
        name: file name without ".py", as written in params.yaml.
        asked_by: where the name was written, for the error, e.g. "params.yaml: runs.world-together.family".

    Raises:
        UserError: no such file; the message lists the files there are and the nearest one.
    """
    check(package, name, asked_by)
    return importlib.import_module(f"{package}.{name}")


def constant(package: str, name: str, word: str) -> object:
    """What the file `name` of the folder `package` says for a constant, read without importing the file.

    Args:
        package: dotted folder, e.g. "stages.models".
        name: file name without ".py", one of `names(package)`.
        word: the constant's name, assigned once at the top level, as a literal.
    """
    assigned = _assigned(package, name, word)
    assert len(assigned) == 1, f"{package}.{name} assigns {word} {len(assigned)} times"
    return ast.literal_eval(assigned[0].value)


def literal(package: str, name: str, word: str) -> object | None:
    """The same of a constant that not every file of the folder has; None where this one has it not."""
    return constant(package, name, word) if _assigned(package, name, word) else None


def _assigned(package: str, name: str, word: str) -> list[ast.Assign]:
    tree = ast.parse(Path(find_spec(f"{package}.{name}").origin).read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == word]
