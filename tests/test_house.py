"""The house stays in order: who may import whom, does dvc.yaml name every file a stage runs, how long things are."""

import ast
import re
from pathlib import Path

import pytest

from pipeline.documents import read

ROOT = Path(__file__).resolve().parents[1]

# Folders whose files params.yaml names (stages/common/lookup.py): no stage imports more of them than the contract.
FOUND_BY_NAME = (
    "models",
    "decoders",
    "saliency",
    "masks",
    "segmenters",
    "recipes",
    "writers",
    "benchmarks",
    "metrics",
    "parametrisations",
)
# Folders whose files know their contract, and no sibling.
SIBLINGS = (*FOUND_BY_NAME, "networks", "losses", "tables", "figures")
NOUNS = ("world", "pretraining", "inversion", "evaluation", "reporting", "speed", *SIBLINGS)
MAY_IMPORT = {  # package -> packages of ours that it may import besides itself
    "stages.common": (),
    "stages.world": (),
    "stages.pretraining": ("stages.common", "stages.world", "stages.losses", "stages.networks", "stages.models"),
    "stages.losses": ("stages.common",),
    "stages.metrics": ("stages.common",),
    "stages.tables": ("stages.common",),
    "stages.figures": ("stages.common",),
    "stages.writers": ("stages.common",),
    "stages.networks": ("stages.common",),
    "stages.models": ("stages.common", "stages.losses", "stages.networks"),
    "stages.decoders": ("stages.common", "stages.models"),
    "stages.saliency": ("stages.common", "stages.models"),
    "stages.masks": ("stages.common",),
    "stages.segmenters": ("stages.common", "stages.networks"),
    "stages.inversion": ("stages.common", "stages.losses", "stages.models"),
    "stages.parametrisations": ("stages.common", "stages.inversion"),
    "stages.evaluation": (
        "stages.common",
        "stages.benchmarks",
        "stages.decoders",
        "stages.figures",
        "stages.masks",
        "stages.metrics",
        "stages.models",
        "stages.saliency",
        "stages.segmenters",
    ),
    "stages.reporting": ("stages.common", "stages.tables"),
    "stages.speed": ("stages.common", "stages.inversion", "stages.models", "stages.recipes"),
    "stages.recipes": ("stages.common", "stages.losses", "stages.models"),
    "stages.benchmarks": ("stages.common", "stages.world"),
    "stages": ("stages.common", *(f"stages.{noun}" for noun in NOUNS)),
    "pipeline": (),
}
NEVER = {
    "stages": {"prefect", "dvc", "pipeline"},
    "pipeline": {"torch", "pandas", "numpy", "open_clip", "stages"},
    "stages.world": {"torch"},
    "stages.metrics": {"torch", "open_clip", "transformers"},
    "stages.tables": {"torch"},
    "stages.figures": {"torch"},
}
LIGHT = [f"stages/common/{name}.py" for name in ("params", "paths", "known_classes", "lookup", "atomic", "progress")]
HEAVY = {"torch", "pandas", "open_clip", "transformers", "matplotlib", "scipy", "openai"}
VAGUE = {"util", "utils", "helper", "helpers", "misc", "manager", "base", "core", "main", "tools"}

FILES = sorted(path for top in ("pipeline", "stages") for path in (ROOT / top).rglob("*.py"))
VERBS = sorted(path for path in (ROOT / "stages").glob("*.py") if path.name != "__init__.py")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def package_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return ".".join(parts[:2]) if len(parts) > 2 else parts[0]


def imports_of(path: Path) -> set[str]:
    """Dotted names of everything `path` imports, wherever it does; `from a import b` gives a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: write the whole path, not a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def project_files(names: set[str]) -> set[Path]:
    """Files of this project among dotted names: a.b.c is a/b/c.py, else c of a/b.py."""
    found = set()
    for name in names:
        parts = name.split(".")
        paths = [ROOT.joinpath(*tail).with_suffix(".py") for tail in (parts, parts[:-1]) if tail]
        found |= set([path for path in paths if path.exists()][:1])
    return found


def closure(paths: set[Path]) -> set[Path]:
    """`paths` and all that they import, directly or not."""
    seen: set[Path] = set()
    todo = set(paths)
    while todo:
        here = todo.pop()
        seen.add(here)
        todo |= project_files(imports_of(here)) - seen
    return seen


def functions() -> list[tuple[Path, ast.FunctionDef]]:
    trees = [(path, ast.parse(path.read_text())) for path in FILES]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(path, node) for path, tree in trees for node in ast.walk(tree) if isinstance(node, kinds)]


def filled(text: str, *, key: str, item: dict, params: dict) -> str:
    """A templated text of dvc.yaml with its values, as DVC has them."""

    def value(found: re.Match) -> str:
        words = found[1].split(".")
        if words == ["key"]:
            return key
        here = {"item": item, **params}
        for word in words:
            here = here[word]
        return str(here)

    return re.sub(r"\$\{([\w.]+)\}", value, text)


def stage_items() -> list[tuple[str, dict]]:
    """Every item of dvc.yaml: its name and its stage with values filled in."""
    graph, params = read(ROOT / "dvc.yaml")["stages"], read(ROOT / "params.yaml")
    found = []
    for name, spec in graph.items():
        rows = params[spec["foreach"].strip("${}")] if "foreach" in spec else {"": {}}
        body = spec.get("do", spec)
        for key, item in rows.items():
            deps = [filled(dep, key=key, item=item, params=params) for dep in body["deps"]]
            command = filled(body["cmd"], key=key, item=item, params=params)
            found.append((f"{name}@{key}" if key else name, {"deps": deps, "cmd": command, "desc": body.get("desc")}))
    return found


ITEMS = stage_items()
STAGES = {name.split("@")[0] for name, _ in ITEMS}
each_file = pytest.mark.parametrize("path", FILES, ids=name_of)
each_verb = pytest.mark.parametrize("path", VERBS, ids=name_of)
each_item = pytest.mark.parametrize(("name", "stage"), ITEMS, ids=[name for name, _ in ITEMS])


def test_the_walk_over_the_files_finds_the_house():
    found = {name_of(path) for path in FILES}
    assert {"pipeline/stage.py", "stages/invert.py", "stages/common/params.py", "stages/world/canvas.py"} <= found
    assert {package_of(path) for path in FILES} == set(MAY_IMPORT)
    assert STAGES.issubset(path.stem for path in VERBS)


@each_file
def test_imports_go_down_only(path):
    package = package_of(path)
    allowed = {package, *MAY_IMPORT[package]}
    for target in project_files(imports_of(path)):
        other = package_of(target)
        folder = other.removeprefix("stages.")
        assert other in allowed, (
            f"{name_of(path)} imports {name_of(target)}; {package} may import only {sorted(allowed)}"
        )
        if package == other == "stages":
            pytest.fail(f"{name_of(path)} imports the verb {target.stem}; verbs meet only through files on disk")
        is_sibling = package == other and folder in SIBLINGS
        is_found_by_name = folder in FOUND_BY_NAME and (package != "stages" or path.stem in STAGES)
        if is_sibling or is_found_by_name:
            assert target.stem == "contract", f"{name_of(path)} imports {name_of(target)}; only its contract may be"


@each_file
def test_libraries_stay_where_they_belong(path):
    package, outside = package_of(path), {name.split(".")[0] for name in imports_of(path)}
    for scope, banned in NEVER.items():
        if package == scope or package.startswith(f"{scope}."):
            assert not outside & banned, f"{name_of(path)} imports {sorted(outside & banned)}; {scope} never does"


@pytest.mark.parametrize("name", LIGHT)
def test_what_every_verb_needs_first_is_quick_to_import(name):
    for path in closure({ROOT / name}):
        heavy = {imported.split(".")[0] for imported in imports_of(path)} & HEAVY
        assert not heavy, f"{name} imports {sorted(heavy)} through {name_of(path)}"


@each_item
def test_dvc_names_every_file_that_a_stage_runs(name, stage):
    deps = [ROOT / dep for dep in stage["deps"]]
    code = {path for dep in deps for path in ([dep] if dep.suffix == ".py" else dep.glob("*.py"))}
    verb = ROOT / f"stages/{name.split('@')[0]}.py"
    assert verb in code
    templates = {path for path in verb.parent.glob(f"{verb.stem}.*") if path.is_file()}
    missing = [
        path for path in closure(code) | templates if not any(dep == path or dep in path.parents for dep in deps)
    ]
    assert not missing, f"{name} runs {sorted(map(name_of, missing))}, which dvc.yaml does not list in its deps"


@each_item
def test_dvc_lists_no_code_that_a_stage_does_not_run(name, stage):
    """A list is one for all items: what one family, benchmark or writer runs may stand there for all."""
    verb = ROOT / f"stages/{name.split('@')[0]}.py"
    folders = {ROOT.joinpath(*dep.split("/")[:2]) for dep in stage["deps"] if dep.startswith("stages/")}
    looked_up = {path for folder in folders if folder.name in FOUND_BY_NAME for path in folder.glob("*.py")}
    runs = closure({verb, *looked_up}) | set(verb.parent.glob(f"{verb.stem}.*"))
    for dep in (ROOT / dep for dep in stage["deps"] if dep.startswith("stages/")):
        assert dep.exists(), f"{name}: dvc.yaml lists {name_of(dep)}, which does not exist"
        assert dep in runs or any(dep in path.parents for path in runs), f"{name} does not run {name_of(dep)}"


@each_item
def test_a_stage_is_started_by_its_own_name_and_says_what_it_is_for(name, stage):
    verb, _, key = name.partition("@")
    assert stage["cmd"] == f"python -m pipeline stage {verb} {key}".strip()
    assert stage["desc"]


@each_verb
def test_the_docstring_of_a_verb_holds_its_command(path):
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    commands = (f"python -m stages.{path.stem}", f"python -m pipeline {path.stem}", f"dvc repro {path.stem}")
    assert any(command in docstring for command in commands), f"{name_of(path)}: its docstring shows no {commands[0]}"


@each_file
def test_a_file_can_be_read_in_one_go(path):
    n_lines = len(path.read_text().splitlines())
    assert n_lines <= 300, f"{name_of(path)} has {n_lines} lines; which noun is missing?"


def test_a_function_can_be_seen_at_once():
    lengths = {f"{name_of(path)}:{node.name}": node.end_lineno - node.lineno + 1 for path, node in functions()}
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_every_signature_is_typed():
    bare = []
    for path, node in functions():
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        untyped = [one.arg for one in given if one.annotation is None and one.arg not in ("self", "cls")]
        if untyped or node.returns is None:
            bare.append(f"{name_of(path)}:{node.lineno} {node.name} {untyped}")
    assert bare == []


def test_package_files_are_empty():
    full = [name_of(path) for path in ROOT.glob("[ps]*/**/__init__.py") if path.read_text()]
    assert full == [], "a re-export would hide from DVC, and from the reader, which file is meant"


def test_names_say_what_is_inside():
    words = {name_of(path): {path.stem, *path.relative_to(ROOT).parent.parts} for path in FILES}
    assert [name for name, parts in words.items() if parts & VAGUE] == []


@pytest.mark.parametrize("section", ["concepts", "runs"])
def test_keys_of_params_are_safe_as_file_names(section):
    keys = list(read(ROOT / "params.yaml")[section])
    assert keys
    assert [key for key in keys if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", key)] == []
