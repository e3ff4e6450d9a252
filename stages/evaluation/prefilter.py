"""Which pairs of pictures and texts are worth a joint encoder's time, by the embeddings of two quick ones."""

from dataclasses import replace

import numpy as np
import torch

from stages.common import lookup
from stages.common.params import Run
from stages.common.pictures import Pictures
from stages.evaluation.question import Prompts, Question


def allowed(run: Run, question: Question, ways: Prompts) -> np.ndarray | None:
    """The pairs that are scored, [N, K] bool; None: all of them.

    Kept are the `keep` nearest texts of each picture and the `keep` nearest pictures of each text. A pair that is left
    out counts as farther than all others, so a right answer among them is a miss.

    Args:
        run: whose `candidates` may name a pre-filter.
        question: pictures, and the columns to choose among.
        ways: the prompts of classes.
    """
    if run.prefilter is None:
        return None
    quick = run.prefilter
    where = f"params.yaml: runs.{run.key}.candidates.family"
    own = {name: getattr(quick, name) for name in ("family", "weights", "architecture", "pretrained")}
    model = lookup.find("stages.models", quick.family, where).load(replace(run, **own))
    pictures = Pictures(question.benchmark.paths, model.fit, question.benchmark.read)
    columns = question.prompts(ways)
    near = torch.cat([model.similarity(images, columns) for images in pictures]).numpy()
    return _nearest(near, quick.keep) | _nearest(near.T, quick.keep).T


def _nearest(near: np.ndarray, keep: int) -> np.ndarray:
    """The `keep` highest of each row, [N, K] bool."""
    order = np.argsort(-near, axis=1, kind="stable")[:, :keep]
    kept = np.zeros(near.shape, bool)
    np.put_along_axis(kept, order, True, axis=1)
    return kept
