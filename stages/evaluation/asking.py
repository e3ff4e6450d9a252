"""How a model is asked: two encoders by one product of embeddings, a joint encoder pair by pair.

Both say how close every picture of a question is to every one of its columns, [N, K], for the untouched model and for
each checkpoint. Where a checkpoint moved only what lies at the top of the encoder, a picture is the same below it for
all such checkpoints, and that is computed once.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from stages.common import kept, lookup, paths
from stages.common.atomic import write_bytes
from stages.common.embeddings import BATCH
from stages.common.model_code import model_code
from stages.common.params import Run
from stages.common.pictures import KEPT_BYTES
from stages.common.side_by_side import processes_for, side_by_side
from stages.common.weights import names_in, read_weights
from stages.evaluation.pair_scores import Sheet, State, pair_scores
from stages.evaluation.prefilter import allowed
from stages.evaluation.question import Prompts, Question
from stages.models.contract import JointEncoder, Model, TwoEncoders

Weights = tuple[str, str | None, str | None]  # digest of the file or folder, architecture, pretrained tag
Answers = Sequence[np.ndarray]  # of each question the similarity [N, K]


class Asking(Protocol):
    """What both ways offer."""

    def untouched(self, question: Question, ways: Prompts) -> np.ndarray:
        """Similarity [N, K] of the untouched model."""
        ...

    def taught(self, questions: Sequence[Question], ways: Prompts, checkpoints: Sequence[Path]) -> Iterator[Answers]:
        """Of each checkpoint, in their order, the similarity [N, K] of each question; then the model is untouched."""
        ...


def asking_of(run: Run, model: Model) -> Asking:
    """The way that the run's family is asked; ask for it before anything is computed with the model."""
    weights = kept.digest(Path(run.weights)), run.architecture, run.pretrained
    is_joint = lookup.constant("stages.models", run.family, "ENCODERS") == "joint"
    return PairByPair(run, model, weights) if is_joint else ByEmbedding(model, weights, taught_names(run, model))


def taught_names(run: Run, model: Model) -> list[str]:
    """The tensors that a checkpoint may hold: of both encoders, and of a decoder where the family has one."""
    parts = ["both", "decoder"] if lookup.constant("stages.models", run.family, "DECODES") else ["both"]
    return [name for part in parts for name in model.parameters_of(part)]


@dataclass(frozen=True)
class Seen:
    """Pictures behind the blocks of an encoder that checkpoints left as they were; behind 0 the pictures themselves."""

    parts: Iterable[Tensor]
    blocks: int


class ByEmbedding:
    """Two encoders: pictures are embedded once, and one product gives all similarities."""

    def __init__(self, model: TwoEncoders, weights: Weights, taught: list[str]) -> None:
        """`weights` are the untouched model's; `taught` are the tensors that a checkpoint may hold."""
        self._model, self._weights, self._taught = model, weights, taught
        self._processes = processes_for(model)

    def untouched(self, question: Question, ways: Prompts) -> np.ndarray:
        """Similarity [N, K]; the embeddings of the pictures are kept for all runs."""
        columns = self._model.embed_classes(question.prompts(ways)).cpu().T
        return (self._embedded(question) @ columns).numpy()

    def taught(self, questions: Sequence[Question], ways: Prompts, checkpoints: Sequence[Path]) -> Iterator[Answers]:
        """Similarities of each checkpoint; several checkpoints are asked side by side."""
        untouched = self._model.state(self._taught)
        blocks = {checkpoint: self._model.blocks_below(names_in(checkpoint)) for checkpoint in checkpoints}
        # here, before processes are forked, which share it
        seen = {n: [self._seen(question, n) for question in questions] for n in {*blocks.values()}}

        def answers(checkpoint: Path) -> Answers:
            self._model.load_state({**untouched, **read_weights(checkpoint)})
            both = zip(questions, seen[blocks[checkpoint]], strict=True)
            return [self._similarity(pictures, question.prompts(ways)) for question, pictures in both]

        try:
            yield from side_by_side(answers, checkpoints, self._processes)
        finally:
            self._model.load_state(untouched)

    def _seen(self, question: Question, blocks: int) -> Seen:
        """A question's pictures behind so many blocks, where memory holds them all."""
        if not blocks:
            return Seen(question.pictures, 0)
        found: list[Tensor] = []
        for images in question.pictures:
            with torch.inference_mode():
                found += [self._model.below(part, blocks).cpu() for part in images.split(BATCH)]
            if sum(part.nbytes for part in found) > KEPT_BYTES:
                return Seen(question.pictures, 0)
        return Seen(found, blocks)

    def _similarity(self, seen: Seen, columns: Sequence[Sequence[str]]) -> np.ndarray:
        """[N, K] of the model as it is."""
        with torch.inference_mode():
            rows = self._model.embed_classes(columns).T
            parts = (part.to(self._model.device) for many in seen.parts for part in many.split(BATCH))
            return torch.cat([(self._model.embed_above(part, seen.blocks) @ rows).cpu() for part in parts]).numpy()

    def _embedded(self, question: Question) -> Tensor:
        mark = kept.fingerprint(self._weights, _stamps(question), asdict(self._model.whole), str(self._model.device))
        file = paths.CACHE / "embedded" / f"{mark}.safetensors"
        if not file.exists():
            with torch.inference_mode():
                embedded = torch.cat([self._model.embed_images(images).cpu() for images in question.pictures])
            write_bytes(file, save({"embedded": embedded}))
        return load_file(file)["embedded"]


class PairByPair:
    """A joint encoder: every pair goes through it, in shards that are kept, worked on side by side."""

    def __init__(self, run: Run, model: JointEncoder, weights: Weights) -> None:
        """`weights` are the untouched model's."""
        self._run, self._model, self._weights = run, model, weights
        self._processes = processes_for(model)
        self._allowed: dict[tuple[str, tuple[tuple[str, ...], ...]], np.ndarray | None] = {}

    def untouched(self, question: Question, ways: Prompts) -> np.ndarray:
        """Log-odds [N, K]."""
        return self._scores(question, ways, {"untouched": None}, "untouched")[0]

    def taught(self, questions: Sequence[Question], ways: Prompts, checkpoints: Sequence[Path]) -> Iterator[Answers]:
        """Log-odds of each checkpoint; neighbours of equal tensors, with a layer below them, are asked together."""
        untouched = self._model.state(list(self._model.parameters_of("both")))
        try:
            for names, group in groupby(checkpoints, names_in):
                has_below = self._model.blocks_below(names) > 0
                for together in [[*group]] if has_below else ([one] for one in group):
                    states = {one: read_weights(one) for one in together}
                    self._model.load_state(untouched if has_below else untouched | states[together[0]])
                    found = [self._each(one, ways, states if has_below else {together[0]: None}) for one in questions]
                    yield from zip(*found, strict=True)
        finally:
            self._model.load_state(untouched)

    def _each(self, question: Question, ways: Prompts, states: Mapping[Path, State | None]) -> list[np.ndarray]:
        """Log-odds [N, K] of each checkpoint; equal ones are scored once."""
        digests = {one: kept.digest(one) for one in states}
        name = next(iter(states)).stem if len(states) == 1 else f"{len(states)} checkpoints"
        by_digest = {digests[one]: state for one, state in states.items()}
        found = dict(zip(by_digest, self._scores(question, ways, by_digest, name), strict=True))
        return [found[digests[one]] for one in states]

    def _scores(
        self, question: Question, ways: Prompts, states: Mapping[str, State | None], name: str
    ) -> list[np.ndarray]:
        """Log-odds [N, K] of each state: by its digest, what takes the place of the model's own tensors, or nothing."""
        columns = question.prompts(ways)
        key = question.role, tuple(columns)
        if key not in self._allowed:
            self._allowed[key] = allowed(self._run, question, ways)
        chosen = self._allowed[key]
        pairs = "all" if chosen is None else hashlib.sha256(chosen.tobytes()).hexdigest()
        facts = (_stamps(question), columns, asdict(self._model.whole), pairs, str(self._model.device))
        code = _scoring(self._model)
        marks = {kept.fingerprint(self._weights, one, *facts, code=code): own for one, own in states.items()}
        label = f"score {name} on {question.benchmark.name}"
        return pair_scores(self._model, Sheet(question.pictures, columns, marks, label, chosen), self._processes)


def _scoring(model: JointEncoder) -> tuple[str, ...]:
    """The modules that a score comes from: a killed evaluation finds its shards again in a process of other runs."""
    return *sorted(model_code(model)), "stages.evaluation.pair_scores", "stages.common.images"


def _stamps(question: Question) -> list[tuple[str, int, int]]:
    """Name, size and time of each picture's file, or of the archive that it lies in."""
    return [(str(path), *_stamp(path)) for path in question.benchmark.paths]


def _stamp(path: Path) -> tuple[int, int]:
    while not path.exists():
        path = path.parent
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
