"""One benchmark as a run asks it: its pictures, among which names, and which of these are new."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from stages.benchmarks.contract import Benchmark, asked
from stages.common import lookup, paths, seeds
from stages.common.captioned import Captions
from stages.common.failures import UserError
from stages.common.faults import Fault, few
from stages.common.images import Fit
from stages.common.masked import Masked
from stages.common.params import Run
from stages.common.pictures import Pictures
from stages.common.segmenting import settings_of

TOLD = 20  # faults of a benchmark that are printed
Prompts = dict[str, tuple[str, ...]]  # class name -> the prompts that it is asked for with


@dataclass(frozen=True)
class Question:
    """One benchmark, ready to be asked.

    Attributes:
        role: "target" or "retention".
        benchmark: its N pictures, all of which are asked for; of segmentation with masks.
        data: where params.yaml says that it lies.
        pictures: the same, as tensors.
        classes: K names among which a picture is asked, or one of which is to be found in it; the K captions in
            retrieval and captioning.
        labels: [N], columns of the classes; [K], the picture of each caption, in retrieval and captioning.
        new: the columns that are taught names; of captions none.
    """

    role: str
    benchmark: Benchmark | Captions | Masked
    data: str
    pictures: Pictures
    classes: tuple[str, ...]
    labels: np.ndarray
    new: frozenset[int]

    @property
    def is_retrieval(self) -> bool:
        """Whether captions are asked and not classes."""
        return self.benchmark.task == "retrieval"

    @property
    def is_new(self) -> np.ndarray:
        """Of each label whether it is a taught name, [N] bool."""
        return np.isin(self.labels, [*self.new])

    def prompts(self, ways: Prompts) -> list[tuple[str, ...]]:
        """What each of its K columns is asked for with: a class with its prompts in `ways`, a caption with itself."""
        return [(name,) if self.is_retrieval else ways[name] for name in self.classes]

    def about(self, benchmark: Masked) -> "Question":
        """The same question of some of its pictures."""
        pictures = Pictures(benchmark.paths, self.pictures.fit, benchmark.read)
        return replace(self, benchmark=benchmark, pictures=pictures, labels=np.array(benchmark.labels))


def question_of(run: Run, role: str, taught: list[str], known: list[str], fit: Fit) -> Question:
    """The benchmark of a role as a run asks it.

    Args:
        run: whose.
        role: "target" or "retention".
        taught: names that the run teaches.
        known: names of the known classes.
        fit: how the model sees pictures that it is asked about.

    Raises:
        UserError: a benchmark cannot be read, or lacks pictures of a class that is asked for.
    """
    where, data = f"params.yaml: runs.{run.key}.{role}_benchmark", getattr(run, f"{role}_data")
    module = lookup.find("stages.benchmarks", getattr(run, f"{role}_benchmark"), where)
    if module.TASK == "segmentation":
        return _of_masks(run, module, taught, known, fit)
    if module.TASK != "classification":
        return _of_captions(module.load(Path(data), None), run.key, role, data, fit)
    wanted = taught if role == "target" else known
    if role == "target" and run.candidates == "benchmark":  # its other classes are the answers that would be wrong
        benchmark, classes = _restricted(module.load(Path(data), None), wanted, data)
    else:
        benchmark = module.load(Path(data), wanted)
        classes = benchmark.class_names if run.candidates == "benchmark" else (*known, *taught)
    _tell(benchmark.faults, data, run.key)
    columns = {name: column for column, name in enumerate(classes)}
    labels = np.array([columns[benchmark.class_names[label]] for label in benchmark.labels])
    new = frozenset(columns[name] for name in taught if name in columns)
    pictures = Pictures(benchmark.paths, fit, benchmark.read)
    return Question(role, benchmark, data, pictures, tuple(classes), labels, new)


def _of_captions(benchmark: Captions, run: str, role: str, data: str, fit: Fit) -> Question:
    _tell(benchmark.faults, data, run)
    pictures = Pictures(benchmark.paths, fit, benchmark.read)
    return Question(role, benchmark, data, pictures, benchmark.captions, np.array(benchmark.owners), frozenset())


def _tell(faults: tuple[Fault, ...], data: str, run: str) -> None:
    """Print the first faults of a benchmark's data, and how many more there are."""
    for fault in faults[:TOLD]:
        print(f"{data}: {fault.file}: {fault.reason}", flush=True)
    if (more := len(faults) - TOLD) > 0:
        print(f"{data}: {more} more faults, all in {paths.benchmarks(run)}", flush=True)


def _restricted(whole: Benchmark, names: list[str], data: str) -> tuple[Benchmark, tuple[str, ...]]:
    """The pictures of these classes alone, in this order; and the names of all classes, these as they are taught."""
    theirs = asked(Path(data), {name: name for name in whole.class_names}, names, "pictures")
    ours = {their: name for name, their in theirs.items()}
    shown = [(path, ours.get(whole.class_names[label])) for path, label in zip(whole.paths, whole.labels, strict=True)]
    files, labels = zip(*((path, names.index(name)) for path, name in shown if name), strict=True)
    benchmark = Benchmark(whole.name, whole.task, tuple(names), files, labels, whole.faults, whole.read)
    return benchmark, tuple(ours.get(name, name) for name in whole.class_names)


def _of_masks(run: Run, module: ModuleType, taught: list[str], known: list[str], fit: Fit) -> Question:
    """The pictures of taught and known things, seen whole: nothing of a picture may be cut off, or lie in a filling."""
    settings = settings_of(run.segmentation, f"params.yaml: runs.{run.key}.segmentation")
    data, shown = Path(run.target_data), {"modality": settings.modality} if settings.modality else {}
    named = [*filter(None, module.listed(data, None, **shown).found)]
    benchmark = module.load(data, _asked_of(data, named, taught, known), **shown)
    _tell(benchmark.faults, run.target_data, run.key)
    if not named and len(taught) > 1:
        raise UserError(
            f"params.yaml: runs.{run.key}.concepts names {len(taught)}, but {data} does not say what its masks show: "
            "teach one of them, or put the pictures into one folder a concept."
        )
    if settings.pictures is not None:
        benchmark = drawn_by_lot(benchmark, settings.pictures)
    classes = benchmark.classes or tuple(taught)
    new = frozenset(column for column, name in enumerate(classes) if name in taught)
    pictures = Pictures(benchmark.paths, replace(fit, resize_mode="squash", patch=0), benchmark.read)
    return Question("target", benchmark, run.target_data, pictures, classes, np.array(benchmark.labels), new)


def _asked_of(data: Path, named: list[str], taught: list[str], known: list[str]) -> list[str] | None:
    """What is asked of masks whose things the data names: all taught things, and those known ones that are there."""
    if not named:
        return None
    there = {paths.slug(name) for name in named}
    wanted = [*taught, *(name for name in known if paths.slug(name) in there)]
    if left := [name for name in named if paths.slug(name) not in {paths.slug(one) for one in wanted}]:
        print(f"{data}: left out, for they are neither taught nor known: {few(left)}", flush=True)
    return wanted


def drawn_by_lot(benchmark: Masked, n: int, *, others: bool = False) -> Masked:
    """So many of a benchmark's pictures, in its order; the same ones each time. Or all others.

    The lot of a picture hangs on its own name, so that more pictures are those of fewer, and some besides.
    """
    lots = sorted(benchmark.paths, key=lambda path: seeds.number("lot", benchmark.name_of(path)))
    chosen = {*(lots[n:] if others else lots[:n])}
    pairs = [pair for pair in zip(benchmark.paths, benchmark.labels, strict=True) if pair[0] in chosen]
    files, labels = zip(*pairs, strict=True) if pairs else ((), ())
    return replace(benchmark, paths=files, labels=labels)
