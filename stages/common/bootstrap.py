"""How far the choice of pictures may have moved a number: the bootstrap, with the same draws for every model."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

DRAWS = 1000
SEED = 0


@lru_cache(maxsize=1)
def resamples(n: int) -> np.ndarray:
    """How often each of n pictures was drawn in each of DRAWS samples of n with replacement: [DRAWS, n] int."""
    return np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=DRAWS)


def interval(summed: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """The 95 % percentile interval of a number that follows from sums over pictures.

    Args:
        summed: [N, S], what each picture adds.
        score: sums [DRAWS, S] to numbers [DRAWS].

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", 1979.
    """
    low, high = np.percentile(score(resamples(len(summed)) @ summed), (2.5, 97.5))
    return float(low), float(high)


def interval_of_mean(values: np.ndarray) -> tuple[float, float]:
    """The same for a mean over pictures [N]; [0, 0, 1] gives (0, 1)."""
    return interval(values[:, None], lambda sums: sums[:, 0] / len(values))
