"""Says which runs can start, and what the others lack: weights, known classes, pictures.

Reads params.yaml, and looks whether the files and folders are there that runs name and that the pipeline does not make
itself, and whether they hold what the run needs.  Weights that a hub has are fetched into its cache, if they are not
there yet.  `python -m pipeline run` asks it before anything is computed.
Command: python -m stages.ready RUN [more runs]
Time: below a second; a few where tens of thousands of pictures have to be listed; ten, or a download, for a hub's
weights.
"""

from pathlib import Path

from stages.common import lookup, params, segmenting, weight_files
from stages.common.failures import Attempts, UserError, run_main
from stages.common.lacking import Seen, lacking
from stages.common.params import Params, Run

Fetched = dict[tuple[str | None, str | None], str]  # architecture and tag, or segmenter and id -> why no hub gave them


def require_ready(run: Run, everything: Params, seen: Seen, fetched: Fetched) -> None:
    """Refuse a run that lacks something.

    Args:
        run: one of `everything`.
        everything: all of params.yaml.
        seen: as `lacking` takes it.
        fetched: what became of weights that earlier runs asked a hub for; filled here.

    Raises:
        UserError: names all that it lacks, and how to get it.
    """
    if found := [*unfetched(run, fetched), *unfetched_segmenter(run, fetched), *lacking(run, everything, seen)]:
        raise UserError(" ".join(found))


def unfetched(run: Run, fetched: Fetched) -> list[str]:
    """The sentence on a hub's weights that cannot be had; none where they are in the cache now, or lie elsewhere."""
    if run.weights != weight_files.HUB or not weight_files.is_fetched(run):
        return []
    asked, place = (run.architecture, run.pretrained), f"params.yaml: runs.{run.key}."
    if asked not in fetched:
        from stages.networks.open_clip_weights import fetch  # imports torch, which takes seconds

        try:
            fetch(run)
            fetched[asked] = ""
        except UserError as error:
            is_placed = str(error).startswith(place)
            fetched[asked] = str(error)[len(place) :] if is_placed else f"weights says {run.weights!r}, but {error}"
    return [place + fetched[asked]] if fetched[asked] else []


def unfetched_segmenter(run: Run, fetched: Fetched) -> list[str]:
    """The same of a SAM of a hub, where the target asks for masks."""
    if lookup.constant("stages.benchmarks", run.target_benchmark, "TASK") != "segmentation":
        return []
    where = f"params.yaml: runs.{run.key}.segmentation"
    settings = segmenting.settings_of(run.segmentation, where)
    weights = settings.weights or lookup.constant("stages.segmenters", settings.segmenter, "WEIGHTS")
    if weights is None or Path(weights).exists() or not weight_files.ON_HUB.fullmatch(weights):
        return []
    if (asked := (settings.segmenter, weights)) not in fetched:
        from stages.networks.sam import fetch

        try:
            fetch(weights)
            fetched[asked] = ""
        except UserError as error:
            fetched[asked] = str(error)
    return [f"{where}.segmenter says {settings.segmenter!r}, but {weights} {fetched[asked]}"] if fetched[asked] else []


def main(run: str, *more: str) -> None:
    """Say of each run whether it can start."""
    attempts, known = Attempts((run, *more)), params.load()
    seen: Seen = {}
    fetched: Fetched = {}
    for key in attempts.keys:
        with attempts.of(key):
            require_ready(known.run(key), known, seen, fetched)
            print(f"{key}: ready", flush=True)
    attempts.end()


if __name__ == "__main__":
    run_main(main)
