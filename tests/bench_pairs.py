"""Pairs a second: our scoring of images with texts by a joint encoder, beside a plain loop over `model(**inputs)`.

Command: make bench-pairs, or python -m tests.bench_pairs [--weights FOLDER] [--images N] [--repeats N]
Reads:   FOLDER, a ViLT (default: data/weights/tiny_vilt)
Writes:  a table to the screen; shards in a temporary folder
Time:    about a minute on one core

Ours is what `evaluate` does: the embeddings of patches and of tokens are computed once each, texts of one length go
through the encoder together and unpadded, and its last layer is computed for the first token alone. The plain loop is
that of transformers' examples: its own ViltModel, one pair after the other, each text padded to the most tokens that
the model takes. One thread of the CPU, the two ways in turn; seconds are those that the processor worked. What is not
timed: images are decoded, and for the plain loop all inputs prepared, before the clock runs.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from transformers import ViltImageProcessor, ViltProcessor

from stages.common.failures import run_main
from stages.common.images import write_images
from stages.common.pictures import Pictures
from stages.evaluation.pair_scores import Sheet, pair_scores
from stages.models import vilt
from stages.models.vilt import Vilt
from stages.world.known import KNOWN

TEXTS = [f"a photo of {looks}" for one in list(KNOWN.values())[:20] for looks in one.descriptions[:2]]
MEAN = DEVIATION = [0.5, 0.5, 0.5]


@dataclass(frozen=True)
class Round:
    """What one way took for all pairs, and found.

    Attributes:
        seconds: of the processor.
        scores: log-odds [N, M].
    """

    seconds: float
    scores: np.ndarray


def ours(folder: Path, pictures: Pictures, mark: str) -> Round:
    """All pairs by a model that was just loaded, so that no text is known to it."""
    model = vilt.read(folder)
    sheet = Sheet(pictures, [(text,) for text in TEXTS], {mark: None}, "score pairs")
    return _timed(lambda: pair_scores(model, sheet, processes=1)[0])


def plain(folder: Path, pictures: Pictures) -> Round:
    """The same by transformers' own forward pass, pair by pair."""
    model = vilt.read(folder)
    asked = [_inputs(model, image, text) for image in pictures.each(0, len(pictures)) for text in TEXTS]
    encoder, head = model.network.vilt, model.network.itm_score["fc"]

    def loop() -> np.ndarray:
        with torch.inference_mode():
            logits = torch.cat([head(encoder(**inputs).pooler_output) for inputs in asked])
        return (logits[:, vilt.MATCH] - logits[:, 1 - vilt.MATCH]).unflatten(0, (len(pictures), -1)).numpy()

    return _timed(loop)


def _inputs(model: Vilt, image: torch.Tensor, text: str) -> dict[str, torch.Tensor]:
    size = {"shortest_edge": model.image_size}
    look = ViltImageProcessor(size=size, size_divisor=model.patch, image_mean=MEAN, image_std=DEVIATION)
    processor = ViltProcessor(look, model.tokenizer)
    pixels = (image[0] * 255).round().byte()
    return dict(processor(pixels, text, padding="max_length", max_length=model.context_length, return_tensors="pt"))


def _timed(work: Callable[[], np.ndarray]) -> Round:
    begin = time.process_time()
    scores = work()
    return Round(time.process_time() - begin, scores)


def measured(folder: Path, n_images: int, repeats: int) -> list[tuple[Round, Round]]:
    """Both ways of each round, over random images of the model's own size."""
    model = vilt.read(folder)
    images = torch.rand(n_images, 3, model.image_size, model.image_size, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        pictures = Pictures(tuple(write_images(Path("images"), images)), model.whole)
        return [(ours(folder, pictures, str(number)), plain(folder, pictures)) for number in range(repeats)]


def table(rounds: list[tuple[Round, Round]]) -> str:
    """Every figure as Markdown: median (lowest to highest round)."""
    n_pairs = rounds[0][0].scores.size
    rates = [[n_pairs / way.seconds for way in both] for both in rounds]
    columns = [*zip(*rates, strict=True), [first / second for first, second in rates]]
    cells = [
        f"{median(one):{form}} ({min(one):{form}} to {max(one):{form}})"
        for one, form in zip(columns, (".0f", ".0f", ".1f"), strict=True)
    ]
    apart = max(float(np.abs(first.scores - second.scores).max()) for first, second in rounds)
    return "\n".join(
        [
            "| pairs | ours, pairs a second | plain loop, pairs a second | ratio | scores differ by at most |",
            "|---|---|---|---|---|",
            f"| {n_pairs} | {' | '.join(cells)} | {apart:.0e} |",
        ]
    )


def main(*words: str) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_pairs", description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=Path("data/weights/tiny_vilt"), metavar="FOLDER", help="a ViLT")
    parser.add_argument(
        "--images", type=int, default=20, metavar="N", help=f"each with {len(TEXTS)} texts (default: 20)"
    )
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="rounds (default: 5)")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    print(table(measured(asked.weights.absolute(), asked.images, asked.repeats)))


if __name__ == "__main__":
    run_main(main)
