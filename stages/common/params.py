"""params.yaml as frozen dataclasses, checked in full before anything is computed."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stages.common import checks, document, lookup, paths, segmenting
from stages.common.checks import settings
from stages.common.document import Section, place
from stages.common.entries import Concept, Describe, Paper, Prefilter, Run
from stages.common.failures import UserError

__all__ = ["Concept", "Describe", "Params", "Run", "load", "settings"]

Entry = TypeVar("Entry")

RESERVED = ("replay", "decoy")
ROLES = ("target", "retention")
FOLDERS = {"family": "models", "target_benchmark": "benchmarks", "retention_benchmark": "benchmarks"}


@dataclass(frozen=True)
class Params:
    """All of params.yaml."""

    concepts: dict[str, Concept]
    describe: Describe
    runs: dict[str, Run]

    def concept(self, key: str) -> Concept:
        """The concept of that key; an unknown key is an error that names the nearest."""
        return _entry(self.concepts, key, "concepts")

    def run(self, key: str) -> Run:
        """The run of that key; an unknown key is an error that names the nearest."""
        return _entry(self.runs, key, "runs")


def _entry(entries: dict[str, Entry], key: str, section: str) -> Entry:
    if key not in entries:
        hint = lookup.nearest(key, entries)
        raise UserError(f"params.yaml: {section} has no {key!r}.{hint} It has: {checks.listed(entries)}.")
    return entries[key]


def load(path: Path = Path("params.yaml")) -> Params:
    """Read params.yaml and check it in full, importing no family, benchmark, metric, recipe or writer.

    Files and folders are not looked for here, since stages make some of them: `Run.require` does that where they
    are used.

    Raises:
        UserError: says where it was written, what it was, what is allowed, and the nearest match.
    """
    root = document.read(path)
    top = f"{path.name}:"
    needed = ["concepts", "describe", "runs"]
    checks.keys(root, top.rstrip(":"), required=needed, allowed=[*needed, "shared"])
    concepts = {key: _concept(key, entry, where) for key, entry, where in _entries(root, "concepts", top)}
    describe = _describe(root["describe"], f"{top} describe")
    runs = {key: _run(key, entry, where, concepts) for key, entry, where in _entries(root, "runs", top)}
    return Params(concepts, describe, runs)


def _entries(root: Section, section: str, top: str) -> list[tuple[str, object, str]]:
    entries = root[section]
    if not isinstance(entries, Mapping) or not entries:
        raise UserError(f"{place(top, root, section)} must hold at least one entry, but is {entries!r}.")
    for key in entries:
        checks.safe_name(key, place(f"{top} {section}", entries, key))
    return [(key, entry, f"{top} {section}.{key}") for key, entry in entries.items()]


def _keyed(key: str, entry: object, where: str) -> object:
    """The entry with its key among its values, as the dataclasses hold it."""
    if not isinstance(entry, Section):
        return entry  # refused, with its place, by `settings`
    if "key" in entry:
        raise UserError(f"{place(where, entry, 'key')} is not written: the entry's own name is its key.")
    return Section({"key": key, **entry}, entry.lines)


def _concept(key: str, entry: object, where: str) -> Concept:
    if key in RESERVED:
        raise UserError(f"{where}: inversion keeps a folder of its own called {key!r}. Give the concept another key.")
    concept = settings(Concept, _keyed(key, entry, where), where)
    if not concept.name.strip() or len(concept.name.splitlines()) > 1:
        raise UserError(f"{place(where, entry, 'name')} says {concept.name!r}, but must be one line of text.")
    try:
        paths.slug(concept.name)
    except ValueError:
        named = place(where, entry, "name")
        raise UserError(f"{named} says {concept.name!r}, but must hold a letter or a digit.") from None
    if concept.description is not None and not concept.description.strip():
        raise UserError(
            f"{place(where, entry, 'description')} is empty. Write one, or remove the key to have one written."
        )
    if concept.prompts:
        _check_prompts(concept.prompts, place(where, entry, "prompts"))
    return concept


def _check_prompts(prompts: tuple[str, ...], where: str) -> None:
    checks.distinct(prompts, where)
    for prompt in prompts:
        if not prompt.strip() or len(prompt.splitlines()) > 1:
            raise UserError(f"{where} lists {prompt!r}, but each must be one line of text.")


def _describe(entry: object, where: str) -> Describe:
    describe = settings(Describe, entry, where)
    lookup.check("stages.writers", describe.writer, place(where, entry, "writer"))
    for name in ("max_words", "attempts"):
        checks.at_least(getattr(describe, name), 1, place(where, entry, name))
    for name in ("temperature", "timeout_seconds", "seed"):
        checks.at_least(getattr(describe, name), 0, place(where, entry, name))
    return describe


def _run(key: str, entry: object, where: str, concepts: dict[str, Concept]) -> Run:
    run = settings(Run, _keyed(key, entry, where), where)
    _check_members(run, entry, where, concepts)
    for field, folder in FOLDERS.items():
        lookup.check(f"stages.{folder}", getattr(run, field), place(where, entry, field))
    checks.distinct(run.metrics, place(where, entry, "metrics"))
    for metric in run.metrics:
        lookup.check("stages.metrics", metric, place(where, entry, "metrics"))
    _check_tasks(run, entry, where)
    _check_measure(run, entry, where)
    _check_recipes(run.recipes, where, place(where, entry, "recipes"))
    _check_encoders(run, f"{where}.recipes")
    _check_prefilter(run, f"{where}.candidates")
    _check_paper(run.paper, place(where, entry, "paper"))
    if run.pretrained is not None and run.architecture is None:
        raise UserError(f"{place(where, entry, 'pretrained')} says {run.pretrained!r}, which needs `architecture` too.")
    return run


def _check_paper(paper: dict | tuple[dict, ...], where: str) -> None:
    """Whether the figures exist that it names is known to stages/tables/paper_figures.py."""
    listed = [paper] if isinstance(paper, dict) else list(paper)
    if paper:
        checks.distinct([settings(Paper, one, where) for one in listed], where)


def _check_members(run: Run, entry: object, where: str, concepts: dict[str, Concept]) -> None:
    named = place(where, entry, "concepts")
    checks.distinct(run.concepts, named)
    for concept in run.concepts:
        checks.one_of(concept, concepts, named)
    if shared := paths.same_folder(concepts[concept].name for concept in run.concepts):
        first, second = shared
        raise UserError(
            f"{named}: two of {list(run.concepts)} have the names {first!r} and {second!r}, which are one folder, "
            f"{paths.slug(first)!r}: capitals, blanks and signs tell no two apart. Rename one of them."
        )


def _check_measure(run: Run, entry: object, where: str) -> None:
    template = place(where, entry, "template")
    checks.distinct(run.templates, template)
    for one in run.templates:
        if not re.fullmatch(r"[^{}]*\{\}[^{}]*", one):
            raise UserError(f"{template} says {one!r}, but must hold exactly one {{}}, such as 'a photo of {{}}'.")
    checks.distinct(run.seeds, place(where, entry, "seeds"))
    for seed in run.seeds:
        checks.at_least(seed, 0, place(where, entry, "seeds"))
    checks.at_least(run.replay_images, 0, place(where, entry, "replay_images"))
    checks.within(run.retention_budget, 0, 1, place(where, entry, "retention_budget"))
    if run.controls:
        checks.distinct(run.controls, place(where, entry, "controls"))


def _check_tasks(run: Run, entry: object, where: str) -> None:
    """Refuse a benchmark of captions where classes are asked, and metrics that lack the number that decides."""
    tasks = {role: lookup.constant("stages.benchmarks", getattr(run, f"{role}_benchmark"), "TASK") for role in ROLES}
    if tasks["retention"] != "classification":
        raise UserError(
            f"{place(where, entry, 'retention_benchmark')} says {run.retention_benchmark!r}, a benchmark of "
            f"{tasks['retention']}, but what is forgotten is told by classes. Write it as target_benchmark."
        )
    listed = place(where, entry, "metrics")
    needed = {"top1": "by which a learning rate is chosen"}
    main = {"retrieval": "text_recall", "captioning": "cider", "segmentation": "dice"}.get(tasks["target"])
    if main:
        needed[main] = f"since {run.target_benchmark} is a benchmark of {tasks['target']}"
    for metric, why in needed.items():
        if metric not in run.metrics:
            raise UserError(f"{listed} lists {list(run.metrics)}, but needs {metric!r}, {why}.")
    if tasks["target"] == "captioning":
        _check_captioning(run, place(where, entry, "target_benchmark"), f"{where}.decoding")
    if tasks["target"] == "segmentation":
        _check_segmentation(run, place(where, entry, "target_benchmark"), f"{where}.segmentation")


def _check_captioning(run: Run, named: str, where: str) -> None:
    """Refuse a family that writes no captions, and a way to write them that there is not."""
    writers = [name for name in lookup.names("stages.models") if lookup.constant("stages.models", name, "DECODES")]
    if run.family not in writers:
        raise UserError(
            f"{named} says {run.target_benchmark!r}, which asks for captions, but the family {run.family!r} writes "
            f"none. What writes some: {', '.join(writers)}."
        )
    if "method" in run.decoding:
        lookup.check("stages.decoders", run.decoding["method"], place(where, run.decoding, "method"))


def _check_segmentation(run: Run, named: str, where: str) -> None:
    """Refuse a family without an encoder of images alone, and ways to find and draw a mask that there are not."""
    if lookup.constant("stages.models", run.family, "ENCODERS") != "two":
        raise UserError(
            f"{named} says {run.target_benchmark!r}, which asks where a text is in a picture by two encoders, but the "
            f"family {run.family!r} has a joint one."
        )
    chosen = segmenting.settings_of(run.segmentation, where)
    modalities = lookup.literal("stages.benchmarks", run.target_benchmark, "MODALITIES") or ()
    segmenting.check_modality(chosen, run.target_benchmark, modalities, place(where, run.segmentation, "modality"))


def _check_encoders(run: Run, where: str) -> None:
    """Refuse a recipe that cannot teach a model of the run's kind: two encoders or a joint one, or a captioner."""
    encoders = lookup.constant("stages.models", run.family, "ENCODERS")
    decodes = lookup.constant("stages.models", run.family, "DECODES")
    own = {encoders, "captioner"} if decodes else {encoders}
    taught_by = {name: lookup.constant("stages.recipes", name, "TEACHES") for name in lookup.names("stages.recipes")}
    for recipe in run.recipes:
        if not own & {*taught_by[recipe]}:
            fitting = [name for name, kinds in taught_by.items() if own & {*kinds}]
            what = {"two": "two encoders", "joint": "one joint encoder", "captioner": "two encoders and a decoder"}
            raise UserError(
                f"{place(where, run.recipes, recipe)} teaches models of {what[taught_by[recipe][0]]}, but the family "
                f"{run.family!r} is {what[encoders]}. What teaches that: {', '.join(fitting)}."
            )


def _check_prefilter(run: Run, where: str) -> None:
    if not isinstance(run.candidates, Mapping):
        return
    prefilter = settings(Prefilter, run.candidates, where)
    checks.at_least(prefilter.keep, 1, place(where, run.candidates, "keep"))
    named = place(where, run.candidates, "family")
    lookup.check("stages.models", prefilter.family, named)
    for family, kind in ((run.family, "joint"), (prefilter.family, "two")):
        if lookup.constant("stages.models", family, "ENCODERS") != kind:
            raise UserError(
                f"{named} says {prefilter.family!r} to choose pairs for {run.family!r}: that takes a family of two "
                "encoders for one of a joint encoder. Write candidates: all instead."
            )


def _check_recipes(recipes: dict, where: str, named: str) -> None:
    if not recipes:
        raise UserError(f"{named} is empty, but needs at least one of {', '.join(lookup.names('stages.recipes'))}.")
    for recipe, own in recipes.items():
        lookup.check("stages.recipes", recipe, place(f"{where}.recipes", recipes, recipe))
        inside = f"{where}.recipes.{recipe}"
        if not isinstance(own, Mapping) or "learning_rates" not in own:
            raise UserError(f"{inside} must be a mapping with learning_rates, but is {own!r}.")
        rates = place(inside, own, "learning_rates")
        checks.distinct(checks.typed(own["learning_rates"], tuple[float, ...], rates), rates)
        for rate in own["learning_rates"]:
            if not 0 < rate < math.inf:
                raise UserError(f"{rates} lists {rate!r}, but a learning rate must be above 0.")
