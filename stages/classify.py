"""Names what photos show, before and after teaching; a captioner writes about them, too.

Reads params.yaml, data/lessons/RUN.json, the run's known classes, data/checkpoints/RUN, data/rows/RUN.choice.json and
RUN.benchmarks.json.
Command: python -m stages.classify PHOTO... --run KEY [--recipe NAME] [--learning-rate X] [--seed N] [--json]
Time: about 7 s with the tiny model, nearly all of it imports.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.common import known_classes, lookup, params, paths, taught
from stages.common.failures import run_main
from stages.common.known_classes import KnownClass
from stages.common.params import Run

if TYPE_CHECKING:
    from torch import Tensor

    from stages.models.contract import Model

SHOWN = 3


@dataclass(frozen=True)
class Answer:
    """What the model says about one photo.

    Attributes:
        photo: its path.
        before: the likeliest names with their probability, in falling order, of the untouched model.
        after: the same of the taught one.
        said_before: what a captioner writes about it; None of other models.
        said_after: the same of the taught one.
    """

    photo: str
    before: list[tuple[str, float]]
    after: list[tuple[str, float]]
    said_before: str | None = None
    said_after: str | None = None


def classify(
    model: "Model", images: "list[Tensor]", class_prompts: dict[str, tuple[str, ...]]
) -> list[list[tuple[str, float]]]:
    """The likeliest names of each image.

    Args:
        model: any family.
        images: N times [1, 3, H, W], RGB in [0, 1].
        class_prompts: {name: its prompts} of every name that may be the answer.

    Returns:
        For each image (name, probability) of the first three; probabilities are the softmax over all names.
    """
    import torch

    with torch.inference_mode():
        logits = torch.cat([model.finetuning_logits(image, list(class_prompts.values())) for image in images])
        shares = logits.softmax(dim=1)
    names, best = list(class_prompts), shares.topk(min(SHOWN, len(class_prompts)))
    return [
        [(names[place], round(share, 4)) for share, place in zip(row, places, strict=True)]
        for row, places in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def said(model: "Model", images: "list[Tensor]", run: Run) -> list[str | None]:
    """What a captioner writes about each image, as the run's `decoding` has it; None of a model that cannot write."""
    if not lookup.constant("stages.models", run.family, "DECODES"):
        return [None] * len(images)
    from stages.common.decoding import settings_of
    from stages.decoders.contract import captions

    decoding = settings_of(run.decoding, f"params.yaml: runs.{run.key}.decoding")
    return [captions(model, image, decoding)[0] for image in images]


def class_prompts(run: Run) -> dict[str, tuple[str, ...]]:
    """{name: its prompts} of every name that the run's pictures were asked among, the taught names first.

    Those of the target, or where captions were asked there, those of the retention benchmark.
    """
    prompted = {member["name"]: taught.asked_for(member, run.templates) for member in taught.lesson(run.key)}
    known = known_classes.read(run)
    facts = taught.read_json(paths.benchmarks(run.key), f"dvc repro evaluate@{run.key}")
    asked = next(facts[role]["classes_asked"] for role in ("target", "retention") if "classes_asked" in facts[role])
    others = {name: known.get(name, KnownClass(name)) for name in asked if name not in prompted}
    return prompted | {name: one.asked(run.templates) for name, one in others.items()}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline classify",
        description="Name what photos show, before and after teaching, out of the names that the run was asked among.",
    )
    parser.add_argument("photos", metavar="PHOTO", nargs="+", type=Path, help="a picture that Pillow reads")
    parser.add_argument("--run", metavar="KEY", required=True, help="a run of params.yaml that is taught")
    parser.add_argument("--recipe", help="a recipe of the run (default: replay where the run has it, else its first)")
    parser.add_argument("--learning-rate", metavar="X", type=float, help="(default: what evaluation chose)")
    parser.add_argument("--seed", metavar="N", type=int, help="(default: the run's first)")
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    return parser


def show(answer: Answer) -> str:
    """One photo's answers as lines of text."""
    lines = [
        f"  {name_before:<24}{share_before:>7.1%}    {name_after:<24}{share_after:>7.1%}"
        for (name_before, share_before), (name_after, share_after) in zip(answer.before, answer.after, strict=True)
    ]
    written = {"before": answer.said_before, "after": answer.said_after}
    lines += [f"  it writes {when}: {text}" for when, text in written.items() if text is not None]
    return "\n".join([answer.photo, f"  {'before':<35}after teaching", *lines])


def main(*words: str) -> None:
    """Print the answers for every photo."""
    asked = parser().parse_args(words)
    run = params.load().run(asked.run)
    run.require("weights")
    taught.teaching(run)
    checkpoint = taught.pick(run.key, recipe=asked.recipe, learning_rate=asked.learning_rate, seed=asked.seed)
    prompted = class_prompts(run)
    # torch takes seconds to import, so it waits until --help and wrong words are dealt with
    from stages.common.images import read_images
    from stages.common.weights import read_weights

    model = lookup.find("stages.models", run.family, f"params.yaml: runs.{run.key}.family").load(run)
    images = [read_images([photo], model.whole) for photo in asked.photos]
    before = classify(model, images, prompted), said(model, images, run)
    model.load_state(read_weights(checkpoint.file))
    after = classify(model, images, prompted), said(model, images, run)
    pairs = zip(map(str, asked.photos), before[0], after[0], before[1], after[1], strict=True)
    answers = [Answer(*pair) for pair in pairs]
    if asked.json:
        print(json.dumps([asdict(answer) for answer in answers], indent=1))
        return
    taught_by = f"{checkpoint.recipe}, learning rate {checkpoint.learning_rate:g}, seed {checkpoint.seed}"
    print(f"{run.key}: {taught_by}, among {len(prompted)} names")
    print("\n".join(show(answer) for answer in answers))


if __name__ == "__main__":
    run_main(main)
