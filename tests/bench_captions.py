"""Captions a second: ours, many images at once with what was written kept, beside a plain loop over the network.

Command: make bench-captions, or python -m tests.bench_captions [--weights FOLDER] [--images N] [--repeats N]
Reads:   FOLDER, a CoCa (default: data/weights/tiny_coca)
Writes:  a table to the screen
Time:    a minute or two on one core

Ours is what `evaluate` does with the decoder `greedy`: images are encoded once and together, each token goes through
text encoder and decoder once, and sentences that have ended are left out. The plain loop is what the decoder is tested
against: one image after the other, and for every token the whole network, image and sentence, by open_clip's own
forward pass. One thread of the CPU, the two ways in turn; seconds are those that the processor worked. What is not
timed: pictures are drawn before the clock runs.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

import torch
from torch import Tensor

from stages.common.decoding import Settings
from stages.common.failures import run_main
from stages.decoders import greedy
from stages.decoders.contract import BATCH
from stages.models import coca
from stages.models.coca import Coca
from stages.world.concepts import CONCEPTS
from tests.stages.models.tiny import run_for

SETTINGS = Settings("greedy")


@dataclass(frozen=True)
class Round:
    """What one way took for all images, and wrote.

    Attributes:
        seconds: of the processor.
        tokens: of each image's sentence, the end included.
    """

    seconds: float
    tokens: list[list[int]]


def ours(model: Coca, images: Tensor) -> Round:
    """All images by the decoder, in batches."""

    def decoded() -> list[list[int]]:
        with torch.inference_mode():
            parts = [greedy.decode(model, model.seen(part), SETTINGS) for part in images.split(BATCH)]
        return [_up_to_the_end(row, model.end) for part in parts for row in part.tolist()]

    return _timed(decoded)


def plain(model: Coca, images: Tensor) -> Round:
    """The same by one forward pass of the whole network for every token of every image."""
    mean, std = (torch.tensor(model.config["preprocess_cfg"][name])[:, None, None] for name in ("mean", "std"))

    def loop() -> list[list[int]]:
        with torch.inference_mode():
            return [_one_by_one(model, (image[None] - mean) / std) for image in images]

    return _timed(loop)


def _one_by_one(model: Coca, pixels: Tensor) -> list[int]:
    tokens = [model.start]
    while len(tokens) < SETTINGS.max_length and tokens[-1] != model.end:
        scores = model.network(pixels, torch.tensor([tokens]), output_labels=False)["logits"][0, -1]
        if len(tokens) < SETTINGS.min_length:
            scores[model.end] = -torch.inf
        tokens.append(int(scores.argmax()))
    return tokens


def _up_to_the_end(row: list[int], end: int) -> list[int]:
    return row[: row.index(end) + 1] if end in row else row


def _timed(work: Callable[[], list[list[int]]]) -> Round:
    begin = time.process_time()
    tokens = work()
    return Round(time.process_time() - begin, tokens)


def drawn(n: int, size: int) -> Tensor:
    """Drawings of the held-out concepts in turn, [n, 3, size, size]."""
    concepts = list(CONCEPTS.values())
    drawings = [concepts[place % len(concepts)].draw(Random(place)).pixels for place in range(n)]
    images = torch.stack([torch.from_numpy(pixels).permute(2, 0, 1) / 255 for pixels in drawings])
    return torch.nn.functional.interpolate(images, (size, size), mode="bilinear")


def measured(folder: Path, n_images: int, repeats: int) -> list[tuple[Round, Round]]:
    """Both ways of each round."""
    model = coca.load(run_for(folder, "coca"))
    images = drawn(n_images, model.image_size)
    return [(ours(model, images), plain(model, images)) for _ in range(repeats)]


def table(rounds: list[tuple[Round, Round]]) -> str:
    """Every figure as Markdown: median (lowest to highest round)."""
    n = len(rounds[0][0].tokens)
    rates = [[n / way.seconds for way in both] for both in rounds]
    columns = [*zip(*rates, strict=True), [first / second for first, second in rates]]
    cells = [f"{median(one):.1f} ({min(one):.1f} to {max(one):.1f})" for one in columns]
    same = min(sum(map(list.__eq__, first.tokens, second.tokens)) for first, second in rounds)
    length = sum(map(len, rounds[0][1].tokens)) / n
    return "\n".join(
        [
            "| captions | tokens each | ours, captions a second | plain loop, the same | ratio | equal tokens |",
            "|---|---|---|---|---|---|",
            f"| {n} | {length:.1f} | {' | '.join(cells)} | {same} of {n} |",
        ]
    )


def main(*words: str) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_captions", description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=Path("data/weights/tiny_coca"), metavar="FOLDER", help="a CoCa")
    parser.add_argument("--images", type=int, default=64, metavar="N", help="pictures (default: 64)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="rounds (default: 3)")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    print(table(measured(asked.weights, asked.images, asked.repeats)))


if __name__ == "__main__":
    run_main(main)
