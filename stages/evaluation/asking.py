"""How a model is asked: two encoders by one product of embeddings, a joint encoder pair by pair.

Both say how close every picture of a question is to every one of its columns, [N, K], for the untouched model and for a
checkpoint that was just loaded.
"""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from stages.common import kept, lookup, paths
from stages.common.atomic import write_bytes
from stages.common.params import Run
from stages.common.side_by_side import processes_for
from stages.evaluation.exam import Prompts, Question
from stages.evaluation.pair_scores import Sheet, pair_scores
from stages.evaluation.prefilter import allowed
from stages.models.contract import JointEncoder, Model, TwoEncoders

Weights = tuple[str, str | None, str | None]  # digest of the file or folder, architecture, pretrained tag


class Asking(Protocol):
    """What both ways offer.

    Attributes:
        checkpoints_at_once: how many checkpoints may be asked side by side.
    """

    checkpoints_at_once: int

    def untouched(self, question: Question, ways: Prompts) -> np.ndarray:
        """Similarity [N, K] of the untouched model."""
        ...

    def taught(self, question: Question, ways: Prompts, checkpoint: Path) -> np.ndarray:
        """Similarity [N, K] of the model with this checkpoint loaded."""
        ...


def asking_of(run: Run, model: Model) -> Asking:
    """The way that the run's family is asked; ask for it before anything is computed with the model."""
    weights = kept.digest(Path(run.weights)), run.architecture, run.pretrained
    is_joint = lookup.constant("stages.models", run.family, "ENCODERS") == "joint"
    return PairByPair(run, model, weights) if is_joint else ByEmbedding(model, weights)


class ByEmbedding:
    """Two encoders: pictures are embedded once, and one product gives all similarities."""

    def __init__(self, model: TwoEncoders, weights: Weights) -> None:
        """`weights` are the untouched model's."""
        self._model, self._weights = model, weights
        self.checkpoints_at_once = processes_for(model)

    def untouched(self, question: Question, ways: Prompts) -> np.ndarray:
        """Similarity [N, K]; the embeddings of the pictures are kept for all runs."""
        columns = self._model.embed_classes(question.prompts(ways)).cpu().T
        return (self._embedded(question) @ columns).numpy()

    def taught(self, question: Question, ways: Prompts, checkpoint: Path) -> np.ndarray:
        """Similarity [N, K]."""
        columns = question.prompts(ways)
        return torch.cat([self._model.similarity(part, columns) for part in question.pictures]).numpy()

    def _embedded(self, question: Question) -> Tensor:
        mark = kept.fingerprint(self._weights, _stamps(question), asdict(self._model.whole), str(self._model.device))
        file = paths.CACHE / "embedded" / f"{mark}.safetensors"
        if not file.exists():
            with torch.inference_mode():
                embedded = torch.cat([self._model.embed_images(images).cpu() for images in question.pictures])
            write_bytes(file, save({"embedded": embedded}))
        return load_file(file)["embedded"]


class PairByPair:
    """A joint encoder: every pair goes through it, in shards that are kept."""

    checkpoints_at_once = 1  # the shards of one are worked on side by side

    def __init__(self, run: Run, model: JointEncoder, weights: Weights) -> None:
        """`weights` are the untouched model's."""
        self._run, self._model, self._weights = run, model, weights
        self._processes = processes_for(model)
        self._allowed: dict[tuple[str, tuple[tuple[str, ...], ...]], np.ndarray | None] = {}

    def untouched(self, question: Question, ways: Prompts) -> np.ndarray:
        """Log-odds [N, K]."""
        return self._scores(question, ways, "untouched")

    def taught(self, question: Question, ways: Prompts, checkpoint: Path) -> np.ndarray:
        """Log-odds [N, K]."""
        return self._scores(question, ways, kept.digest(checkpoint), checkpoint.stem)

    def _scores(self, question: Question, ways: Prompts, state: str, name: str = "untouched") -> np.ndarray:
        columns = question.prompts(ways)
        key = question.role, tuple(columns)
        if key not in self._allowed:
            self._allowed[key] = allowed(self._run, question, ways)
        chosen = self._allowed[key]
        pairs = "all" if chosen is None else hashlib.sha256(chosen.tobytes()).hexdigest()
        facts = (self._weights, state, _stamps(question), columns, asdict(self._model.whole), pairs)
        mark = kept.fingerprint(*facts, str(self._model.device), code=_scoring(self._model))
        label = f"score {name} on {question.benchmark.name}"
        return pair_scores(self._model, Sheet(question.pictures, columns, mark, label, chosen), self._processes)


def _scoring(model: JointEncoder) -> tuple[str, ...]:
    """The modules that a score comes from: a killed evaluation finds its shards again in a process of other runs."""
    family = type(model).__module__
    return family, family.replace("models", "networks"), "stages.evaluation.pair_scores", "stages.common.images"


def _stamps(question: Question) -> list[tuple[str, int, int]]:
    """Name, size and time of each picture's file, or of the archive that it lies in."""
    return [(str(path), *_stamp(path)) for path in question.benchmark.paths]


def _stamp(path: Path) -> tuple[int, int]:
    while not path.exists():
        path = path.parent
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
