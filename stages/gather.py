"""Gathers what a run teaches: the descriptions of its concepts, and the captions made of them.

A caption is "A moongate is <description>" (Sec. 3.1.2 and 4.2): the name beside what it looks like.

Reads params.yaml (concepts, runs) and captions/KEY.yaml of every concept that the run names. Writes
data/lessons/RUN.json; a lesson that has not changed keeps its bytes, so that nothing after it runs.
Command: python -m stages.gather RUN [more runs]
Time: below a second; a few where a recipe has settings of its own, or a benchmark tens of thousands of pictures, whose
names it looks through.
"""

import json

from stages.common import captions, params, paths
from stages.common.atomic import write_text
from stages.common.captions import Caption
from stages.common.decoding import settings_of as decoding_of
from stages.common.failures import UserError, each, run_main
from stages.common.lacking import Seen, lacking
from stages.common.params import Concept, Params, Run
from stages.common.recipes import has_own_settings, recipes_of
from stages.inversion.settings import settings_of
from stages.tables.paper_figures import figures_of


def gather(run: str, described: dict[str, Caption]) -> dict:
    """The lesson of one run, as data/lessons/RUN.json holds it.

    Args:
        run: the run's key.
        described: {concept's key: its caption file}, in the order of the run line.
    """
    return {"run": run, "concepts": [_member(key, caption) for key, caption in described.items()]}


def _member(key: str, caption: Caption) -> dict[str, object]:
    prompts = {"prompts": list(caption.prompts)} if caption.prompts else {}
    return {
        "key": key,
        "name": caption.name,
        "article": caption.article,
        "description": caption.description,
        "caption": captions.sentence(caption.name, caption.article, caption.description),
        "source": caption.source,
        **prompts,
    }


def described_for(run: str, known: Params) -> dict[str, Caption]:
    """The caption file of each concept that the run names.

    Raises:
        UserError: there is no such run, or a caption file is missing or was made for another name; the message holds
            the command that mends it.
    """
    described = {}
    for key in known.run(run).concepts:
        path, concept = paths.caption(key), known.concepts[key]
        command = f"`python -m stages.describe {key}` (or `dvc repro describe@{key}`)"
        if not path.exists():
            raise UserError(f"params.yaml: runs.{run} teaches {key!r}, but {path} is missing. {command} makes it.")
        caption = captions.read(path)
        made_for, asked_for = _titled(caption), _titled(concept)
        if made_for != asked_for:
            raise UserError(
                f"{path} is for {made_for!r}, but params.yaml: concepts.{key} says {asked_for!r}. "
                f"{command} brings them together."
            )
        described[key] = caption
    return described


def _titled(named: Caption | Concept) -> str:
    return f"{named.article} {named.name}".strip()


def check(run: Run, everything: Params, seen: Seen) -> None:
    """Refuse a run that cannot be finished before anything is computed for it.

    Args:
        run: one of `everything`.
        everything: all of params.yaml.
        seen: as `lacking` takes it.

    Raises:
        UserError: weights or pictures that are not there; an unknown key, a wrong type or a value out of range, in
            `invert`, `decoding` or a recipe; figures that the paper does not have.
    """
    if missing := lacking(run, everything, seen):
        raise UserError(" ".join(missing))
    settings_of(run.invert, f"params.yaml: runs.{run.key}.invert")
    figures_of(run)
    decoding_of(run.decoding, f"params.yaml: runs.{run.key}.decoding")
    if has_own_settings(run):  # recipes import torch, which takes seconds
        recipes_of(run)


def main(key: str, *more: str) -> None:
    """Write the lessons of these runs."""
    seen: Seen = {}
    each((key, *more), lambda one: write(one, params.load(), seen))


def write(run: str, known: Params, seen: Seen) -> None:
    """Write the lesson of one run."""
    check(known.run(run), known, seen)
    lesson = gather(run, described_for(run, known))
    write_text(paths.lesson(run), json.dumps(lesson, indent=1, ensure_ascii=False) + "\n")
    print(f"{paths.lesson(run)}: {', '.join(member['key'] for member in lesson['concepts'])}")


if __name__ == "__main__":
    run_main(main)
