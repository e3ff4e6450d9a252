"""How fast a model is inverted and taught here, beside the reference's way and the arithmetic limit of the machine.

Command: python -m pipeline bench [--model NAME... | --run KEY] [--preset WORD] [--device WORD] [--precision WORD]
         [--images N...] [--steps N] [--long] [--way WAY...] [--journey-steps N] [--json FILE]
         or python -m stages.bench with the same, which needs torch and open_clip alone
Reads:   nothing but data/known/imagenet1k.json; with --run params.yaml, the run's weights and known classes
Writes:  tables to the screen; FILE where one is named
Time:    about 5 minutes with ViT-B-32 on two quiet cores of a CPU, more than half of it from text to checkpoint

The limit is what the same device, with the same threads and precision, makes of a large product of matrices; it is
measured before and after each row, since a machine with other work is faster now and slower then. The operations of a
step are counted while it is done, not worked out. Both ways are timed as they run, looks at the similarity and all.

Seconds from text to checkpoint: one text is inverted in our way and taught by the recipe `paper`, twice; the first time
pays for what is done once in a process.
"""

import argparse
import gc
import typing
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from stages.common.atomic import write_text
from stages.common.failures import UserError, run_main
from stages.inversion.settings import Settings

if TYPE_CHECKING:
    import torch

    from stages.speed.subject import Subject

STEPS = {"cpu": 20, "cuda": 200}  # timed, unless told
JOURNEYS = 2


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline bench",
        description="Measure inversion, ours beside the reference's way, and the way from a text to a checkpoint.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--model",
        metavar="NAME",
        nargs="+",
        default=["ViT-B-32"],
        help="architectures of open_clip, with random weights and the default settings (default: ViT-B-32)",
    )
    which.add_argument("--run", metavar="KEY", help="a run of params.yaml: its model and its settings")
    parser.add_argument(
        "--preset",
        choices=typing.get_args(Settings.__annotations__["preset"]),
        help="settings of our way, with --model (default: ours)",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: %(default)s)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="of the products (default: as the settings say, else bfloat16 on a GPU and float32 on a CPU)",
    )
    parser.add_argument(
        "--images", metavar="N", type=count, nargs="+", default=[10], help="optimised at once in our way (default: 10)"
    )
    parser.add_argument(
        "--steps",
        metavar="N",
        type=count,
        help=f"steps to time (default: {STEPS['cpu']} on a CPU, {STEPS['cuda']} on a GPU)",
    )
    parser.add_argument(
        "--long",
        action="store_true",
        help="on a GPU: with kernels made for the very shapes, as an inversion has them that would take minutes",
    )
    parser.add_argument(
        "--way",
        choices=("ours", "reference"),
        nargs="+",
        default=["ours", "reference"],
        help="the reference makes one image at a time with 13 views a step (default: both)",
    )
    parser.add_argument(
        "--journey-steps",
        metavar="N",
        type=lambda text: count(text, least=0),
        help="steps of the inversion from text to checkpoint, and of `images a minute`; 0: leave the way from text "
        "to checkpoint out (default: as the settings say)",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure there")
    return parser


def count(text: str, least: int = 1) -> int:
    """A whole number from the command line."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
    return number


def device_of(word: str) -> "torch.device":
    """The device that the word names.

    Raises:
        UserError: it is a GPU, and none is there.
    """
    import torch

    there = "cuda" if torch.cuda.is_available() else "cpu"
    if word == "cuda" and there == "cpu":
        raise UserError("--device says 'cuda', but no GPU is there. Allowed: auto, cpu.")
    return torch.device(there if word == "auto" else word)


def main(*words: str) -> None:
    """Measure and print."""
    asked = parser().parse_args(words)
    if asked.json and asked.json.is_dir():
        raise UserError(f"--json says {str(asked.json)!r}, which is a folder. Name a file.")
    if asked.run and asked.preset:
        raise UserError(f"--preset says {asked.preset!r}, but the run {asked.run!r} has settings of its own.")
    # torch takes seconds to import, so it waits until --help and wrong words are dealt with
    from stages.speed import subject, table

    device, rows, journeys, steps = device_of(asked.device), [], [], {}
    for name in [asked.run] if asked.run else asked.model:
        with nullcontext(subject.named(name)) if asked.run else subject.untrained(name, asked.preset or "ours") as run:
            one = subject.subject_of(run, device, asked.precision)
        steps[one.name] = asked.journey_steps or one.ours.settings.steps
        if asked.journey_steps != 0:
            journeys += _journeys(one, steps[one.name])
        rows += _rows(one, asked)
        where = table.machine(device, one.ours.settings.precision)
        del one
        gc.collect()  # gives the memory back before the next model takes some
    print(table.markdown(where, rows, journeys, steps))
    if asked.json:
        write_text(asked.json, table.as_json(where, rows, journeys, steps))


def _journeys(subject: "Subject", steps: int) -> list:
    from stages.speed.journey import journey

    found = []
    for number in range(JOURNEYS):
        found.append(journey(subject, number, steps))
        print(f"{subject.name}: {found[-1].total_s:.1f} s from text to checkpoint", flush=True)
    return found


def _rows(subject: "Subject", asked: argparse.Namespace) -> list:
    from stages.speed import steps

    n = asked.steps or STEPS[subject.model.device.type]
    plan = [("ours", images) for images in asked.images] + [("reference", 1)]
    found = []
    for way, images in [one for one in plan if one[0] in asked.way]:
        found.append(steps.row(subject, subject.way(way), images, n, long=asked.long))
        print(f"{subject.name}, {way}, {images} at once: {found[-1].pace.step_s:.3g} s a step", flush=True)
    return found


if __name__ == "__main__":
    run_main(main)
