"""What the graph itself costs: `pipeline run` and `pipeline status` beside `dvc repro`, on graphs of trivial items.

Command: make bench-graph, or python -m tests.bench_graph [--items N ...] [--repeats N]
Writes:  a table to the screen; projects and a Prefect server in a temporary folder
Time:    about 10 minutes on two quiet cores

Half of the items write a file, half copy one, one counts them; a shell command each, so that hardly anything but the
graph costs time. `first run` is `pipeline run` with nothing done before; its overhead an item is all that it takes,
less what the commands take in a plain shell, over the number of items. Then nothing is to be done, and the three
commands take turns. Figures are wall seconds, median (lowest to highest).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path
from statistics import median

from tests.pipeline import toy
from tests.pipeline.server import Server, environment, lay_out, running

ITEMS = (50, 100, 200, 400)
COMMANDS = {
    "dvc repro": ["dvc", "repro", "--quiet"],
    "pipeline run": [sys.executable, "-m", "pipeline", "run"],
    "pipeline status": [sys.executable, "-m", "pipeline", "status"],
}


def project(folder: Path, items: int) -> Path:
    """A DVC project of so many items, or one more."""
    folder.mkdir()
    with chdir(folder):
        Path("dvc.yaml").write_text(toy.GRAPH)
        toy.name(*(f"thing{i:03d}" for i in range(items // 2)))
        subprocess.run(["dvc", "init", "--quiet", "--no-scm"], env=environment(), check=True)
    return folder


def seconds(words: list[str], folder: Path, server: Server) -> float:
    """How long a command takes; it has to come out well."""
    begin = time.perf_counter()
    own = environment(PREFECT_API_URL=server.url)
    subprocess.run(words, cwd=folder, env=own, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def shell_seconds(items: int) -> float:
    """What the commands of a project take by themselves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        for i in range(items // 2):
            key = f"thing{i:03d}"
            for command in (
                f"mkdir -p made && echo {key} > made/{key}.txt",
                f"mkdir -p notes && cp made/{key}.txt notes/{key}.txt",
            ):
                subprocess.run(["/bin/sh", "-c", command], cwd=folder, check=True)
        return time.perf_counter() - begin


def spread(values: list[float]) -> str:
    """Median, lowest and highest."""
    return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def measured(folder: Path, items: int, repeats: int, server: Server) -> dict[str, float]:
    """Print the line of one size; its medians."""
    where = project(folder / str(items), items)
    first = seconds(COMMANDS["pipeline run"], where, server)
    took: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(repeats):
        for name, words in COMMANDS.items():
            took[name].append(seconds(words, where, server))
    middle = {name: median(values) for name, values in took.items()}
    overhead = (first - shell_seconds(items)) / items
    ratio = middle["pipeline run"] / middle["dvc repro"]
    cells = [str(items), f"{first:.0f}", f"{overhead:.2f}", *map(spread, took.values()), f"{ratio:.2f}"]
    print(f"| {' | '.join(cells)} |", flush=True)
    return middle


def growth(sizes: list[int], found: list[dict[str, float]]) -> str:
    """Seconds for each further item, between neighbouring sizes: alike where a command grows linearly."""
    lines = []
    for name in COMMANDS:
        steps = [
            f"{1000 * (found[i + 1][name] - found[i][name]) / (sizes[i + 1] - sizes[i]):.0f} ms"
            for i in range(len(sizes) - 1)
        ]
        lines.append(f"{name}: each further item costs {', then '.join(steps)}")
    return "\n".join(lines)


def main(words: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_graph", description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=ITEMS, help=f"sizes of the graph (default: {ITEMS})")
    parser.add_argument("--repeats", type=int, default=3, help="of each command when nothing is to be done")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(lay_out(folder / "served")) as server:
            helps = [seconds([sys.executable, "-m", "pipeline", "--help"], folder, server) for _ in range(5)]
            print(f"{os.cpu_count()} cores. pipeline --help: {spread(helps)} s\n")
            print("| items | first run | overhead an item | dvc repro | pipeline run | pipeline status | run / repro |")
            print("|---|---|---|---|---|---|---|", flush=True)
            found = [measured(folder, items, asked.repeats, server) for items in asked.items]
    print(f"\n{growth(list(asked.items), found)}")


if __name__ == "__main__":
    main(sys.argv[1:])
