"""The arithmetic limit of a machine: what it reaches in one large product of matrices."""

from statistics import median

import torch

from stages.speed.stopwatch import Clock

SIDES = {"cpu": 2048, "cuda": 8192}  # a product takes about 0.1 s on two cores of a CPU, 2 ms on a GPU
PRODUCTS = {"cpu": 1, "cuda": 20}  # a repetition, so that starting and waiting do not count
REPETITIONS = 5


def rates(device: torch.device, precision: str, now: Clock, side: int | None = None) -> list[float]:
    """Floating-point operations a second in products of two square matrices, one figure a repetition.

    The same device, precision and number of threads as everything else in this process. Random numbers, since a GPU
    is faster with zeros.

    Args:
        device: where to compute.
        precision: "float32" or "bfloat16".
        now: clock of the device, in seconds.
        side: rows and columns of each matrix; by default SIDES of the device.
    """
    side = side or SIDES[device.type]
    left, right = torch.randn(2, side, side, device=device, dtype=getattr(torch, precision))
    product, n, found = torch.mm(left, right), PRODUCTS[device.type], []
    for _ in range(REPETITIONS):
        begin = now()
        for _ in range(n):
            torch.mm(left, right, out=product)
        found.append(n * 2 * side**3 / (now() - begin))
    return found


def limit(device: torch.device, precision: str, now: Clock) -> float:
    """The median of `rates`, in floating-point operations a second."""
    return median(rates(device, precision, now))
