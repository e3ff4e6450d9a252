"""From maps to masks and their numbers, picture by picture: each is read and encoded once for all models."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from stages.common import lookup
from stages.common.masked import Masked
from stages.common.progress import progress
from stages.common.segmenting import Settings
from stages.common.side_by_side import side_by_side
from stages.masks.contract import coarse_mask
from stages.metrics.contract import MaskMetric
from stages.saliency.contract import enlarged
from stages.segmenters.contract import Prompt, Segmenter

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = min(4, os.cpu_count() or 1)  # that measure; each holds a picture's maps, 0.1 GB where it is large
OWN, RANDOM, CENTRE = "", "random_", "centre_"  # prefixes of a number: what its maps are of
Views = dict[str, np.ndarray]  # prefix -> maps [N, h, w]
Numbers = dict[str, np.ndarray]  # what rows call a number -> of each picture, [N]


@dataclass(frozen=True)
class Outline:
    """What was drawn of one picture for P maps.

    Attributes:
        picture: [H, W, 3] uint8.
        truth: [H, W] bool.
        maps: [P, H, W] float32 in [0, 1].
        coarse: [P, H, W] bool, the masks of the maps alone.
        masks: [P, H, W] bool, the segmenter's.
    """

    picture: np.ndarray
    truth: np.ndarray
    maps: np.ndarray
    coarse: np.ndarray
    masks: np.ndarray


@dataclass(frozen=True)
class Outliner:
    """What draws masks of a benchmark's pictures from maps, and measures them.

    Attributes:
        benchmark: N pictures with their masks.
        metrics: name -> module.
        settings: how a map becomes a coarse mask.
        segmenter: what draws the final one.
        is_light: whether the segmenter has no weights, so that several processes may work with it at once.
    """

    benchmark: Masked
    metrics: dict[str, MaskMetric]
    settings: Settings
    segmenter: Segmenter
    is_light: bool

    def drawn(self, place: int, maps: Sequence[np.ndarray]) -> Outline:
        """The masks of picture number `place` for P maps [h, w] of it."""
        path = self.benchmark.paths[place]
        picture, truth = np.asarray(self.benchmark.read(path)), self.benchmark.mask(path)
        large = np.stack([enlarged(one, *truth.shape) for one in maps])
        coarse = np.stack([coarse_mask(one, self.settings) for one in large])
        prompts = [Prompt(*pair) for pair in zip(large, coarse, strict=True)]
        return Outline(picture, truth, large, coarse, self.segmenter.masks(picture, prompts))

    def measured(self, sheets: Sequence[Views], processes: int, words: str) -> tuple[list[Numbers], np.ndarray]:
        """Every number of every picture.

        Numbers are called by their prefix and metric: `dice` is of the final mask for a picture's own prompt,
        `saliency_dice` of the coarse one, `random_dice` of the final one for the prompt of another thing. `empty` is 1
        where the final mask is empty.

        Args:
            sheets: what each model saw.
            processes: pictures at a time.
            words: what a progress bar says.

        Returns:
            Of each sheet its numbers, and the share of each picture that its object covers, [N].
        """
        keys = [(sheet, prefix) for sheet, views in enumerate(sheets) for prefix in views]

        def draw(place: int) -> Outline:
            return self.drawn(place, [sheets[sheet][prefix][place] for sheet, prefix in keys])

        def measure(outline: Outline) -> tuple[dict[tuple[int, str], float], float]:
            return dict(self._numbers(outline, keys)), float(outline.truth.mean())

        rest = range(1, len(self.benchmark.paths))
        first, covered = measure(draw(0))  # what metrics import is then there for all processes
        found = np.empty((len(first) + 1, len(self.benchmark.paths)))  # and nothing else: there may be many pictures
        found[:, 0] = *first.values(), covered
        if processes > 1:
            made = side_by_side(lambda place: measure(draw(place)), rest, processes)
        else:  # the next picture is drawn, perhaps by a large segmenter, while these are measured
            made = behind(measure, map(draw, rest))
        for place, (own, covered) in zip(progress(rest, words), made, strict=True):
            found[:, place] = *own.values(), covered
        numbers: list[Numbers] = [{} for _ in sheets]
        for (sheet, name), each in zip(first, found[:-1], strict=True):
            numbers[sheet][name] = each
        return numbers, found[-1]

    def _numbers(self, outline: Outline, keys: Sequence[tuple[int, str]]) -> Iterator[tuple[tuple[int, str], float]]:
        """Of each sheet and prefix each number of one picture."""
        for name, metric in self.metrics.items():
            if metric.OF == "prompts":
                yield from self._between(outline, keys, name, metric)
                continue
            kinds = {"": outline.masks, "saliency_": outline.coarse} if metric.OF == "masks" else {"": outline.maps}
            for kind, found in kinds.items():
                for (sheet, prefix), value in zip(keys, metric.compute(outline.truth, found), strict=True):
                    yield (sheet, f"{prefix}{kind}{name}"), float(value)
        for (sheet, prefix), mask in zip(keys, outline.masks, strict=True):
            yield (sheet, f"{prefix}empty"), float(not mask.any())

    def _between(
        self, outline: Outline, keys: Sequence[tuple[int, str]], name: str, metric: MaskMetric
    ) -> Iterator[tuple[tuple[int, str], float]]:
        """A number of the maps of two prompts, of each sheet that has both."""
        both = [sheet for sheet, prefix in keys if prefix == RANDOM]
        own, other = (outline.maps[[keys.index((sheet, prefix)) for sheet in both]] for prefix in (OWN, RANDOM))
        for sheet, value in zip(both, metric.compute(own, other) if both else (), strict=True):
            yield (sheet, name), float(value)


def behind(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`work` of each item, in their order, in threads, while the next items are made; a few wait at most."""
    with ThreadPoolExecutor(THREADS) as threads:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(threads.submit(work, item))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def outliner_of(
    benchmark: Masked, metrics: dict[str, MaskMetric], settings: Settings, device: torch.device, where: str
) -> Outliner:
    """What draws masks as the settings have it, its segmenter loaded.

    Raises:
        UserError: as the segmenter's `load`.
    """
    method = lookup.find("stages.segmenters", settings.segmenter, f"{where}.segmenter")
    return Outliner(benchmark, metrics, settings, method.load(settings, device, where), method.WEIGHTS is None)
