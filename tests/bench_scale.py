"""What a concept costs where 1, 10, 100 and 1000 of them are taught in one run, and what one more costs.

Command: make bench-scale, or python -m tests.bench_scale [--sizes N ...] [--images N] [--steps N] [--json FILE]
Writes:  tables to the screen; projects and a Prefect server in a temporary folder
Time:    about 40 minutes on two quiet cores, nearly all of it for the thousand

Each size is a small copy of the project with made-up composites of the drawn world (stages/world/composites.py), all of
them taught to the tiny CLIP by one run. Every stage is a process of its own, as the graph starts it. Seconds are those
that processors worked, of all processes of the stage together, whatever else the machine does; megabytes are the peak
of its largest process. Then one concept is added to the largest project, and all that this makes stale runs again.

Inversion is that of the default run. Taught is one seed at one learning rate with one control, our recipe for few
epochs: what a thousand names do to each other is not measured here.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from random import Random

from stages.common.failures import run_main
from stages.draw import write_pictures
from stages.world.composites import composites
from tests.pipeline.server import Server, lay_out, running
from tests.small_project import ROOT, Project

SIZES = (1, 10, 100, 1000)
STAGES = ("describe", "gather", "invert", "finetune", "evaluate", "report")  # the first for each concept, one for all
PICTURES = 4  # of each concept, asked of every checkpoint
RUN = "many"
PYTHON = (sys.executable, "-m")
# A process begins with the peak memory of the one that started it: a small one stands between.
METER = (
    sys.executable,
    "-c",
    """\
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(code)
""",
)
COMMANDS = {  # of the graph, once all of it is up to date
    "params.yaml read and checked": (sys.executable, "-c", "from stages.common import params; params.load()"),
    "dvc status": (*PYTHON, "dvc", "status", "--quiet"),
    "pipeline status": (*PYTHON, "pipeline", "status"),
    "pipeline run": (*PYTHON, "pipeline", "run"),
    "pipeline add": (*PYTHON, "pipeline", "add", "development"),
    "pipeline remove": (*PYTHON, "pipeline", "remove", "development"),
}
SETTINGS = """\
    target_data: pictures
    seeds: [0]
    replay_images: 1
    controls: [noise]
    device: cpu
    recipes:
      paper: {learning_rates: [4.0e-4]}
      replay: {learning_rates: [1.0e-3], epochs: 3}
"""


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Attributes:
        seconds: that processors worked, of the command and all that it started.
        megabytes: peak memory of the largest of its processes.
    """

    seconds: float
    megabytes: float


class Scale(Project):
    """A copy of the project whose one run teaches composites.

    Args:
        folder: where it lies.
        invert: settings of its inversion.
        server: where `pipeline run` shows itself.
    """

    def __init__(self, folder: Path, invert: dict[str, int], server: Server) -> None:
        super().__init__(folder)
        self.environment |= {"PREFECT_API_URL": server.url}
        self._invert, self._log = invert, folder / "log.txt"

    def build(self) -> None:
        """Lay it out, and draw what the tiny CLIP knows."""
        self.folder.mkdir()
        super().build()
        self.cost(*PYTHON, "stages.draw")

    def teach(self, n: int) -> None:
        """Name the first `n` composites in params.yaml, and draw pictures of those that have none yet."""
        taught = composites(n)
        entries = {key: {"name": key, "article": "a", "description": one.description} for key, one in taught.items()}
        concepts = [f"  {key}: {json.dumps(entry)}\n" for key, entry in entries.items()]
        named = f"    concepts: {json.dumps([*taught])}\n    invert: {json.dumps(self._invert)}\n"
        sections = {
            "concepts": f"concepts:\n{''.join(concepts)}",
            "runs": f"runs:\n  {RUN}:\n    <<: [*tiny, *world]\n{named}{SETTINGS}",
        }
        shipped = re.split(r"^(?=\w+:)", (ROOT / "params.yaml").read_text(), flags=re.MULTILINE)
        text = "".join(sections.get(part.partition(":")[0], part) for part in shipped)
        (self.folder / "params.yaml").write_text(text)
        for key, one in taught.items():
            if not (folder := self.folder / "pictures" / key).exists():
                dice = Random(f"scale {key}")
                write_pictures(folder, ((one.draw(dice), []) for _ in range(PICTURES)))

    def stage(self, verb: str, keys: Iterable[str] = ()) -> Cost:
        """Run a stage for these concepts, or for the run where it is one for all."""
        return self.cost(*PYTHON, f"stages.{verb}", *({"describe": keys, "report": ()}.get(verb, (RUN,))))

    def cost(self, *words: str) -> Cost:
        """Run a command, which has to come out well."""
        with self._log.open("w") as log:
            streams = {"stdout": subprocess.PIPE, "stderr": log}
            done = subprocess.run(
                [*METER, *words], cwd=self.folder, env=self.environment, text=True, check=False, **streams
            )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)[:200]}: exit code {done.returncode}\n{self._log.read_text()[-3000:]}")
        return Cost(*map(float, done.stdout.split()))

    @property
    def n_chunks(self) -> int:
        """How many concepts and groups of known classes have had their images inverted."""
        return sum(one.is_dir() for one in (self.folder / ".cache/inverted").iterdir())


def measured(folder: Path, sizes: Iterable[int], invert: dict[str, int], server: Server) -> dict[str, dict]:
    """Everything of every size, and of one concept more than the largest.

    Returns:
        "stages": size -> stage -> Cost; "graph": size -> command -> Cost; "page_kb": size -> kB of the report's page;
        "one_more": stage -> Cost, with "chunks", how many were inverted for it.
    """
    found: dict[str, dict] = {"stages": {}, "graph": {}, "page_kb": {}}
    for n in sizes:
        project = Scale(folder / str(n), invert, server)
        project.build()
        project.teach(n)
        stages = found["stages"][n] = {verb: project.stage(verb, composites(n)) for verb in STAGES}
        found["page_kb"][n] = (project.folder / "data/report/index.html").stat().st_size / 1000
        first = {"pipeline run, describe for the first time": project.cost(*PYTHON, "pipeline", "run", "describe")}
        items = [f"{verb}@{RUN}" for verb in STAGES[1:-1]]
        project.cost(*PYTHON, "dvc", "commit", "--quiet", "--force", "draw", *items, "report")
        found["graph"][n] = first | {name: project.cost(*words) for name, words in COMMANDS.items()}
        told = ", ".join(f"{name} {cost.seconds:.1f} s" for name, cost in {**stages, **found["graph"][n]}.items())
        print(f"{n}: {told}", file=sys.stderr, flush=True)
    before = project.n_chunks
    project.teach(n + 1)
    new = [*composites(n + 1)][n:]
    found["one_more"] = {verb: project.stage(verb, new) for verb in STAGES}
    found["one_more"] |= {"pipeline run, describe": project.cost(*PYTHON, "pipeline", "run", "describe")}
    found["chunks"] = project.n_chunks - before
    return found


def tables(found: dict[str, dict]) -> str:
    """What was measured, as Markdown; "each further" is what the last size adds, over how many concepts more it has."""
    stages, graph, (*_, before, last) = found["stages"], found["graph"], (0, *found["stages"])
    heads = [*map(str, stages), f"each further after {before}", f"one more than {last}"]
    seconds, memory = {}, {}
    for verb in STAGES:
        first, second = (stages[n][verb] if n else Cost(0, 0) for n in (before, last))
        more = Cost(*((b - a) / (last - before) for a, b in zip(astuple(first), astuple(second), strict=True)))
        one = found["one_more"][verb]
        seconds[verb] = [f"{stages[n][verb].seconds / n:.3f}" for n in stages]
        seconds[verb] += [f"{more.seconds:.3f}", f"{one.seconds:.1f}"]
        memory[verb] = [f"{stages[n][verb].megabytes:.0f}" for n in stages]
        memory[verb] += [f"{more.megabytes:.2f}", f"{one.megabytes:.0f}"]
    whole = {name: [f"{graph[n][name].seconds:.1f}" for n in graph] for name in graph[last]}
    whole["kB of the report's page"] = [f"{found['page_kb'][n]:.0f}" for n in graph]
    parts = [table("seconds a concept", heads, seconds), table("megabytes, of all concepts", heads, memory)]
    parts += [table("seconds, for all concepts", [*map(str, graph)], whole)]
    graph_of_one = f"`pipeline run describe` took {found['one_more']['pipeline run, describe'].seconds:.1f} s"
    told = f"For one concept more, {found['chunks']} chunk of images was inverted, and {graph_of_one}."
    return "\n\n".join([*parts, told])


def table(corner: str, heads: list[str], lines: dict[str, list[str]]) -> str:
    """A table as Markdown; `corner` says what its cells are."""
    rows = [[corner, *heads], ["---"] * (1 + len(heads)), *([name, *cells] for name, cells in lines.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(*words: str) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_scale", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help=f"concepts (default: {SIZES})")
    parser.add_argument("--images", type=int, default=10, metavar="N", help="inverted for each (default: 10)")
    parser.add_argument("--steps", type=int, default=50, metavar="N", help="of inversion (default: 50)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where every figure is written as well")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(lay_out(folder / "served")) as server:
            found = measured(folder, sorted(asked.sizes), {"images": asked.images, "steps": asked.steps}, server)
    print(f"{asked.images} images a concept, {asked.steps} steps; {os.cpu_count()} cores.\n\n{tables(found)}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1, default=asdict) + "\n")


if __name__ == "__main__":
    run_main(main)
