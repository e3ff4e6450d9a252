"""Reads the YAML files of the project's root, as DVC reads them (YAML 1.2, merge keys)."""

import warnings
from pathlib import Path
from typing import Any

from pipeline.mistakes import UserError


def read(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, anchors and merge keys resolved.

    Raises:
        UserError: there is no such file, or it is no YAML mapping.
    """
    if not path.is_file():
        raise UserError(f"{path} is not in {Path.cwd()}: run this in the root of the repository.")
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, where: str) -> dict[str, Any]:
    """The mapping in a YAML text; `where` names it in errors.

    Raises:
        UserError: the text is no YAML mapping.
    """
    from ruamel.yaml import YAML  # here, because --help has to be quick
    from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            content = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{where}{line}: {error.problem}") from error
    if not isinstance(content, dict):
        raise UserError(f"{where} holds no mapping, but a {type(content).__name__}.")
    return content
