"""What a model family promises; a family is a file of this folder, found by its name in `family:` of a run.

A family's module holds `load(run) -> Model` and `save_open_clip(model, folder)`. Everything in which families differ
(what inversion aims at, how a picture is scored, which tensors are the visual encoder) is behind these methods, so
no verb ever asks which family it has.

Letters: B batch, N images, M texts, D embedding, H W pixels. Images are float32 RGB [B, 3, H, W] in [0, 1] on any
device and of any size; the family normalises and resizes for itself. Texts are whole prompts; no template is added.

After `load` no parameter requires a gradient: a recipe switches on those that it trains and, when it has finished,
switches them off again. The network stays in evaluation mode all the time.
"""

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import Parameter

from stages.common import lookup
from stages.common.images import Fit
from stages.common.params import Run

PARTS = ("visual_encoder", "last_stage", "head", "text_encoder", "both")


class Model(Protocol):
    """A vision-language model that can be inverted, fine-tuned and asked.

    Attributes:
        image_size: pixels, square; the size that inversion should end at.
        fit: how a picture of any shape becomes a square of image_size; picture files are read with it.
        context_length: tokens a text may have, start and end token included; longer ones are cut.
        device: where the parameters live.
    """

    image_size: int
    fit: Fit
    context_length: int
    device: torch.device

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Embeddings of texts: [M, D], unit norm.

        Each is computed once and kept as long as the text encoder is frozen. With a text parameter that requires a
        gradient the result is differentiable in it.
        """
        ...

    def embed_images(self, images: Tensor) -> Tensor:
        """Embeddings of images [B, 3, H, W]: [B, D], unit norm, differentiable in pixels and parameters."""
        ...

    def inversion_target(self, texts: list[str]) -> Tensor:
        """What inversion aims at: one row a text, without gradient; `inversion_loss` takes it."""
        ...

    def inversion_loss(self, images: Tensor, target: Tensor) -> Tensor:
        """Distance of each image to its target: [B] in [0, 2], lower is a better match, differentiable in pixels.

        Args:
            images: [B, 3, H, W].
            target: rows of `inversion_target`: B rows, or one for all images.
        """
        ...

    def logits(self, embedded: Tensor, texts: list[str]) -> Tensor:
        """Scaled similarities [B, M] of embedded images and texts; their softmax is the model's own probability."""
        ...

    def finetuning_logits(self, images: Tensor, texts: list[str]) -> Tensor:
        """`logits` of images [B, 3, H, W], differentiable in pixels and parameters."""
        ...

    def similarity(self, images: Tensor, texts: list[str]) -> Tensor:
        """Similarity [N, M] on the CPU, higher is closer, without gradient; N may be large: it works in batches."""
        ...

    def token_count(self, text: str) -> int:
        """Tokens of the whole text, start and end token included; above `context_length` it will be cut."""
        ...

    def parameters_of(self, part: str) -> dict[str, Parameter]:
        """The parameters of a part, by their names in the state dict.

        Args:
            part: "visual_encoder"; "last_stage" of it; its "head", what follows the last block; "text_encoder"; or
                "both" encoders.

        Raises:
            UserError: no such part, or this architecture has none.
        """
        ...

    def state(self, names: list[str]) -> dict[str, Tensor]:
        """Copies of the named tensors, on the CPU: what a checkpoint keeps."""
        ...

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Puts back what `state` gave; tensors that are not named stay as they are.

        Raises:
            UserError: a name or shape that this model does not have.
        """
        ...


class Family(Protocol):
    """The names a family's module holds."""

    @staticmethod
    def load(run: Run) -> Model:
        """The untouched model that a run starts from, on its device, frozen, in evaluation mode.

        Raises:
            UserError: the run's weights, architecture, pretrained tag or device cannot be used; the message says why.
        """
        ...

    @staticmethod
    def save_open_clip(model: Model, folder: Path) -> None:
        """Writes the model so that open_clip loads it as "local-dir:FOLDER" with equal outputs.

        The folder exists; make it with `atomic.new_folder`, so that it appears whole or not at all.
        """
        ...


def origin_of(run: Run) -> tuple[str | None, ...]:
    """What `load` makes a model from: runs of equal origins start from the same one."""
    return run.family, run.weights, run.architecture, run.pretrained, run.device


class Loader:
    """Loads the model of a run, and keeps it for a next run that starts from the same one.

    Whoever changes the model puts it back, so that the next run finds it untouched.
    """

    def __init__(self) -> None:
        self._origin: tuple[str | None, ...] | None = None
        self._model: Model | None = None

    def model_of(self, run: Run) -> Model:
        """The untouched model of a run.

        Raises:
            UserError: as `Family.load`.
        """
        if self._model is None or self._origin != origin_of(run):
            self._model = None  # gives its memory back before the next takes some
            family = lookup.find("stages.models", run.family, f"params.yaml: runs.{run.key}.family")
            self._origin, self._model = origin_of(run), family.load(run)
        return self._model
