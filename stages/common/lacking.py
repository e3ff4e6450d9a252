"""What a run lacks before it can start: weights, known classes and pictures that somebody has to put there."""

import ast
from importlib.util import find_spec
from pathlib import Path

from stages.common import known_classes, lookup, paths, weight_files
from stages.common.failures import UserError
from stages.common.faults import few
from stages.common.params import Params, Run
from stages.common.segmenting import Settings

DRAWN = Path("data/world")  # stages/draw.py makes all that lies there
WANTED = {
    "weights": "Weights of a model: a folder in open_clip's layout, or a checkpoint.",
    "known": (
        "A JSON file of the classes that the model knows already, {name: description}; "
        "`python -m pipeline classes` writes the names that a benchmark's data has."
    ),
    "images_from": "A folder with pictures of each concept, NAME/*.png.",
    "segmentation.weights": "A folder of a SAM as transformers saves it, an id on the hub, OWNER/NAME, or null.",
}
Seen = dict[tuple[str, str, tuple[str, ...] | None, str | None], str]  # benchmark, data, classes, modality -> the fault


def lacking(run: Run, everything: Params, seen: Seen | None = None) -> list[str]:
    """One sentence or two for each field whose file or folder is not there, or does not hold what the run needs.

    That is the files of the weights, names of known classes, a benchmark's layout with pictures of each class that is
    asked for, pictures of each concept in `images_from`, and weights of a segmenter that are no hub's. What the
    pipeline draws itself is never lacking. No picture is decoded and no weight read.

    Args:
        run: one of `everything`.
        everything: has the names of the concepts.
        seen: what was found out for other runs; filled here, so that data which many name are looked through once.

    Returns:
        In the order of FIELDS, the segmenter's last, each beginning with its place in params.yaml; empty for a run that
        can start.

    Time: a second for the 50,000 files of ImageNet in folders, a few for its archive.
    """
    taught = [everything.concept(key).name for key in run.concepts]
    found = []
    for field, look in FIELDS.items():
        path = getattr(run, field)
        if Path(path).is_relative_to(DRAWN):
            continue
        if fault := _missing(Path(path)) or look(run, taught, {} if seen is None else seen):
            found.append(_told(run, field, path, fault, _how(run, field)))
    if fault := _of_segmenter(run):
        field = "segmentation.weights"
        found.append(_told(run, field, run.segmentation["weights"], fault, WANTED[field]))
    return found


def _told(run: Run, field: str, path: str, fault: str, how: str) -> str:
    return f"params.yaml: runs.{run.key}.{field} says {path!r}, but {fault} {how}"


def _missing(path: Path) -> str:
    if not path.exists():
        return "there is no such file or folder."
    return "that folder is empty." if path.is_dir() and not any(path.iterdir()) else ""


def _of_weights(run: Run, taught: list[str], seen: Seen) -> str:
    groups = weight_files.wanted(run)
    without = [names for names in groups if not any(Path(run.weights, name).is_file() for name in names)]
    return f"it holds no {', and no '.join(' or '.join(names) for names in without)}." if without else ""


def _of_known(run: Run, taught: list[str], seen: Seen) -> str:
    if Path(run.known).is_dir():
        return "that is a folder, not a file."
    try:
        known_classes.read(run)
    except UserError as error:
        return str(error)
    return ""


def _of_target(run: Run, taught: list[str], seen: Seen) -> str:
    if run.candidates == "benchmark" or _task(run, "target") == "segmentation":  # then all its classes are looked at
        return _listed(run, "target", None, seen) or _listed(run, "target", taught, seen)
    return _listed(run, "target", taught, seen)


def _of_retention(run: Run, taught: list[str], seen: Seen) -> str:
    try:
        known = [*known_classes.read(run)]
    except UserError:  # told elsewhere, or not drawn yet
        known = None
    return _listed(run, "retention", known, seen)


def _listed(run: Run, role: str, classes: list[str] | None, seen: Seen) -> str:
    """Why the benchmark of a role cannot give pictures of these classes (None: of its own); "" where it can.

    Of captions the classes are not asked for.
    """
    benchmark, data = getattr(run, f"{role}_benchmark"), getattr(run, f"{role}_data")
    module = lookup.find("stages.benchmarks", benchmark, f"params.yaml: runs.{run.key}.{role}_benchmark")
    classes = classes if module.TASK in ("classification", "segmentation") else None
    more = {"modality": run.segmentation.get("modality")} if hasattr(module, "MODALITIES") else {}
    asked = benchmark, data, classes if classes is None else tuple(classes), more.get("modality")
    if asked not in seen:
        try:
            listing = module.listed(Path(data), classes, **more)
            is_nameless = module.TASK == "segmentation" and [*listing.found] == [""]
            seen[asked] = _nameless(classes) if is_nameless else ""
        except UserError as error:
            seen[asked] = str(error)
    return seen[asked]


def _task(run: Run, role: str) -> object:
    return lookup.constant("stages.benchmarks", getattr(run, f"{role}_benchmark"), "TASK")


def _nameless(classes: list[str] | None) -> str:
    """Masks that show one thing without a name cannot be told apart by several names."""
    if classes is None or len(classes) < 2:
        return ""
    return f"it does not say what its masks show, and {len(classes)} concepts are taught: {few(classes)}."


def _of_images(run: Run, taught: list[str], seen: Seen) -> str:
    if run.is_inverted:
        return ""
    from stages.common.picture_files import pictures_of  # imports Pillow, which most runs do not need here

    folders = [Path(run.images_from, paths.slug(name)) for name in taught]
    without = [str(folder) for folder in folders if not pictures_of(folder)]
    return f"there are no pictures in {', '.join(without)}." if without else ""


def _of_segmenter(run: Run) -> str:
    """Why the weights of the segmenter that a run names cannot be had; "" where they can, or where it names none."""
    if not (run.segmentation or {}).get("weights") or _task(run, "target") != "segmentation":
        return ""
    weights, segmenter = run.segmentation["weights"], run.segmentation.get("segmenter", Settings().segmenter)
    if lookup.constant("stages.segmenters", segmenter, "WEIGHTS") is None:
        return f"{segmenter} takes no weights: write null."
    if not Path(weights).exists() and weight_files.ON_HUB.fullmatch(weights):
        return ""
    return _missing(Path(weights)) or ("" if Path(weights).is_dir() else "that is a file, not a folder.")


def _how(run: Run, field: str) -> str:
    if field.endswith("_data"):
        name = getattr(run, field.replace("_data", "_benchmark"))
        return f"{_first_words(name)} How to get it: see stages/benchmarks/{name}.py."
    page = Path(f"{getattr(run, field)}.md")
    return f"How to get it: see {page}." if page.exists() else WANTED[field]


def _first_words(benchmark: str) -> str:
    """The first line of a benchmark's page; importing it would take longer than all the rest."""
    code = Path(find_spec(f"stages.benchmarks.{benchmark}").origin).read_text(encoding="utf-8")
    page = ast.get_docstring(ast.parse(code)) or benchmark
    return page.splitlines()[0].rstrip(",.:;") + "."


FIELDS = {  # field of a run -> what is wrong with what lies there, as far as this shows without a model
    "weights": _of_weights,
    "known": _of_known,
    "target_data": _of_target,
    "retention_data": _of_retention,
    "images_from": _of_images,
}
