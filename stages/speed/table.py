"""What was measured, as Markdown and as JSON."""

import json
import platform
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from stages.speed.journey import Journey
from stages.speed.steps import Row


@dataclass(frozen=True)
class Machine:
    """Where figures come from.

    Attributes:
        device: name of the processor or the GPU.
        torch: its version.
        threads: of the processor that torch uses.
        precision: of the products: "float32" or "bfloat16".
    """

    device: str
    torch: str
    threads: int
    precision: str


def machine(device: torch.device, precision: str) -> Machine:
    """This one."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return Machine(name, torch.__version__, torch.get_num_threads(), precision)


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", listed.read_text(), re.MULTILINE) if listed.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def ratio(row: Row, rows: Iterable[Row]) -> float | None:
    """How many times the images of the reference's way a row makes at equal steps; None where that is not measured."""
    for other in rows:
        if (other.model, other.way) == (row.model, "reference") and row.way != "reference":
            return row.image_steps_a_second / other.image_steps_a_second
    return None


def markdown(where: Machine, rows: list[Row], journeys: list[Journey], steps: dict[str, int]) -> str:
    """The tables.

    Args:
        where: the machine.
        rows: of steps.
        journeys: from text to checkpoint; may be empty.
        steps: model -> steps of an inversion, for images a minute.
    """
    limits = [one / 1e12 for row in rows for one in row.limits]
    lines = [
        f"{where.device}, torch {where.torch}, {where.threads} threads, {where.precision}; limit {_limit(limits)}.",
        "",
        "| model | way | images | views | a step | image-steps a second | images a minute | times the reference "
        "| share of the limit | start | memory |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(_line(_cells(row, rows, steps[row.model])) for row in rows),
    ]
    if journeys:
        lines += [
            "",
            "| text to checkpoint | images | steps | text | known classes | inversion | fine-tuning | writing | all |",
            "|---|---|---|---|---|---|---|---|---|",
            *(_line(_journey_cells(one)) for one in journeys),
        ]
    return "\n".join(lines)


def _limit(limits: list[float]) -> str:
    low, high = (f"{one:.3g}" for one in (min(limits), max(limits)))
    return f"{low} TFLOP/s" if low == high else f"{low} to {high} TFLOP/s"


def _cells(row: Row, rows: list[Row], steps: int) -> list[str]:
    times, shares = ratio(row, rows), sorted(row.shares)
    low, high = (f"{100 * share:.0f}" for share in shares)
    return [
        row.model,
        row.way,
        str(row.images),
        str(row.views),
        _seconds(row.pace.step_s),
        f"{row.image_steps_a_second:.3g}",
        f"{60 * row.image_steps_a_second / steps:.3g} ({steps} steps)",
        "" if times is None else f"{times:.1f}",
        f"{low} %" if low == high else f"{low} to {high} %",
        _seconds(row.pace.start_s),
        "unknown" if row.peak_bytes is None else f"{row.peak_bytes / 1e9:.1f} GB",
    ]


def _journey_cells(one: Journey) -> list[str]:
    parts = [one.text_s, one.known_s, one.inversion_s, one.finetuning_s, one.writing_s, one.total_s]
    which = f"{one.model}, {'first' if one.number == 0 else 'again'}"
    return [which, str(one.images), str(one.steps), *map(_seconds, parts)]


def _seconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def as_json(where: Machine, rows: list[Row], journeys: list[Journey], steps: dict[str, int]) -> str:
    """The same with the raw figures; arguments as of `markdown`."""
    described = [
        {
            **asdict(row),
            "step_s": row.pace.step_s,
            "start_s": row.pace.start_s,
            "image_steps_a_second": row.image_steps_a_second,
            "images_a_minute": 60 * row.image_steps_a_second / steps[row.model],
            "steps_of_an_image": steps[row.model],
            "times_the_reference": ratio(row, rows),
            "shares": row.shares,
        }
        for row in rows
    ]
    ways = [{**asdict(one), "total_s": one.total_s} for one in journeys]
    return json.dumps({"machine": asdict(where), "steps": described, "journeys": ways}, indent=1) + "\n"
