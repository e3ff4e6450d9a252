"""What params.yaml is made of: a concept, a run, and who describes; params.py reads and checks them."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from stages.common.failures import UserError

INVERSION = "data/inversion.md"  # what `images_from` says where images are inverted
NEVER_MEASURED = ("key", "device", "paper")  # fields of a run that no number depends on


@dataclass(frozen=True)
class Concept:
    """One thing to teach.

    Attributes:
        key: its name in files and run lines.
        name: what it is called in captions, e.g. "moongate".
        article: stands before the name in captions; "" for none.
        description: what it looks like, without its name; None: a writer is asked.
        examples: folder of real pictures, shown in the report's gallery only; None for none.
        prompts: whole prompts that a classifier asks for it with, an ensemble; empty: the run's template.
    """

    key: str
    name: str
    article: Literal["a", "an", "the", ""]
    description: str | None = None
    examples: str | None = None
    prompts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Describe:
    """Who describes a concept that has no description in params.yaml, and how.

    Attributes:
        writer: file of stages/writers.
        model: the model's name at the server, or its folder or hub id.
        max_words: a longer answer is sent back.
        temperature: 0 for the likeliest answer.
        seed: passed on to the writer; servers do not promise the same answer for it.
        attempts: answers asked for at most before giving up.
        base_url: the server's address up to and with "/v1"; None where the writer needs none.
        timeout_seconds: how long one answer may take.
    """

    writer: str
    model: str
    max_words: int
    temperature: float
    seed: int
    attempts: int
    base_url: str | None = None
    timeout_seconds: float = 60.0


@dataclass(frozen=True)
class Paper:
    """Where a run's numbers stand in the paper: rows of stages/tables/paper_results.csv.

    Attributes:
        table: its column `table`, e.g. "v1-1", Table 1 of the first version.
        model: its column `model`, e.g. "ViT-B-32".
        variant: its column `variant` of what the run teaches; "baseline" where the run has the untouched model alone.
        recipe: which of the run's recipes stands beside it.
    """

    table: str
    model: str
    variant: str = "transfer"
    recipe: str = "paper"


@dataclass(frozen=True)
class Prefilter:
    """A model of two encoders that says which pairs a joint encoder scores; the others count as farthest.

    Attributes:
        keep: texts of each picture, and pictures of each text, that are nearest by its embeddings.
        family: file of stages/models.
        weights: as `weights` of a run.
        architecture: as of a run.
        pretrained: as of a run.
    """

    keep: int
    family: str
    weights: str
    architecture: str | None = None
    pretrained: str | None = None


@dataclass(frozen=True)
class Run:
    """One model, the concepts that it is taught together, and how it is measured.

    Attributes:
        key: names the run everywhere: stage, folder, row.
        family: file of stages/models.
        weights: path that DVC watches: a folder in the family's layout, a checkpoint, or data/weights/hub.md.
        architecture: None where the weights' folder says it, else open_clip's name or "hf-hub:org/name".
        pretrained: None to load `weights`, else open_clip's tag.
        device: where to compute; "auto" takes a GPU when there is one.
        concepts: keys of `concepts`.
        known: JSON file of the classes that the model knows already; see stages/common/known_classes.py.
        target_benchmark: file of stages/benchmarks that asks "has it learned?", over target_data.
        target_data: folder of pictures.
        retention_benchmark: file of stages/benchmarks that asks "has it forgotten?", over retention_data.
        retention_data: folder of pictures.
        metrics: files of stages/metrics.
        candidates: among which names a picture is asked: "all", the known classes and the taught names; "benchmark",
            the classes of its own benchmark alone. Or the fields of `Prefilter`: all, but a joint encoder scores only
            the likeliest pairs, which changes its figures a little and takes a fraction of the time.
        template: prompt of a class, e.g. "a photo of {}", where {} takes "a moongate"; or several, an ensemble.
        seeds: one repetition of the whole run each.
        invert: settings of stages/invert.py.
        images_from: data/inversion.md, the images are inverted; or a folder that holds one of pictures for each
            concept, FOLDER/NAME, which are taught in their place.
        replay_images: images inverted for each known class; 0 for none.
        recipes: {file of stages/recipes: its settings, with learning_rates}.
        controls: what is taught wrongly on purpose, to see that the method and not the training does it.
        retention_budget: the chosen learning rate may lose at most this share on the retention benchmark.
        paper: which numbers of the paper the report sets beside this run: the fields of `Paper`, or a list of such
            mappings where several tables have the run; {} for none.
        decoding: how a caption is written where the target asks for captions: the fields of `Settings` in
            stages/common/decoding.py.
        segmentation: how a mask is found where the target asks for masks: the fields of `Settings` in
            stages/common/segmenting.py.
    """

    key: str
    family: str
    weights: str
    architecture: str | None
    pretrained: str | None
    device: Literal["auto", "cpu", "cuda"]
    concepts: tuple[str, ...]
    known: str
    target_benchmark: str
    target_data: str
    retention_benchmark: str
    retention_data: str
    metrics: tuple[str, ...]
    candidates: Literal["all", "benchmark"] | dict
    template: str | tuple[str, ...]
    seeds: tuple[int, ...]
    invert: dict
    images_from: str
    replay_images: int
    recipes: dict
    controls: tuple[Literal["noise", "wrong_description", "no_name"], ...]
    retention_budget: float
    paper: dict | tuple[dict, ...] = field(default_factory=dict)
    decoding: dict = field(default_factory=dict)
    segmentation: dict = field(default_factory=dict)

    @property
    def templates(self) -> tuple[str, ...]:
        """The templates, one or several; the first is the one that recipes teach with."""
        return (self.template,) if isinstance(self.template, str) else self.template

    @property
    def prefilter(self) -> Prefilter | None:
        """What `candidates` says of a pre-filter; None: every pair is scored."""
        return Prefilter(**self.candidates) if isinstance(self.candidates, dict) else None

    @property
    def papers(self) -> tuple[Paper, ...]:
        """What `paper` names, one or several or none."""
        if not self.paper:
            return ()
        return tuple(Paper(**one) for one in ((self.paper,) if isinstance(self.paper, dict) else self.paper))

    @property
    def is_inverted(self) -> bool:
        """Whether images of its concepts are inverted; else pictures of the folder `images_from` are taught."""
        return self.images_from == INVERSION

    def measured_by(self, lesson: list[dict]) -> dict[str, object]:
        """What its numbers depend on, as JSON gives it back, to be kept beside them: its settings, and the lesson.

        Args:
            lesson: the concepts of data/lessons/RUN.json.
        """
        found = {name: value for name, value in asdict(self).items() if name not in NEVER_MEASURED}
        return json.loads(json.dumps({**found, "template": self.templates, "lesson": lesson}))

    def require(self, *fields: str) -> None:
        """Refuse to go on while a file or folder that these fields name is missing.

        Raises:
            UserError: names the field, the path, and what to do.
        """
        for name in fields:
            path = getattr(self, name)
            if not Path(path).exists():
                raise UserError(
                    f"params.yaml: runs.{self.key}.{name} says {path!r}, but there is no such file or folder. "
                    "`dvc repro` makes what the project draws itself; anything else has to be put there first."
                )
