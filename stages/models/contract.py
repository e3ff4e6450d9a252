"""What a model family promises; a family is a file of this folder, found by its name in `family:` of a run.

A family's module holds what `Family` lists. All in which families differ (what inversion aims at, how a picture is
scored, which tensors are the visual encoder) is behind these names: verbs ask for the kind, never for the family.

There are two kinds, which a family's ENCODERS names: "two", one encoder for images and one for texts into one space
(`TwoEncoders`), and "joint", one encoder that sees an image and a text together (`JointEncoder`). Of the first kind,
those whose DECODES is true also write sentences about images (`Captioner`).

Letters: B batch, N images, M texts, K classes, D embedding, L tokens, V vocabulary, H W pixels. Images are float32 RGB
[B, 3, H, W] in [0, 1] on any device and of any size; the family normalises and resizes for itself. Texts are whole
prompts; no template is added. A class is asked for by one prompt or by several, an ensemble.

After `load` no parameter requires a gradient: a recipe switches on those that it trains and, when it has finished,
switches them off again. The network stays in evaluation mode all the time.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from stages.common import lookup
from stages.common.embeddings import Classes
from stages.common.images import Fit
from stages.common.params import Run
from stages.common.vocabulary import Vocabulary


class Model(Protocol):
    """A vision-language model that can be inverted, fine-tuned and asked.

    Attributes:
        image_size: pixels, square; the size that inversion should end at.
        fit: how a picture of any shape becomes a square of image_size; pictures that are learned from are read with it.
        whole: how pictures that are asked about are read: `fit`, or in their own shape where the model can see them so.
        context_length: tokens a text may have, start and end token included; longer ones are cut.
        device: where the parameters live.
        network: what holds them; in another precision it takes images of that precision.
    """

    network: nn.Module
    image_size: int
    fit: Fit
    whole: Fit
    context_length: int
    device: torch.device

    def inversion_target(self, texts: list[str]) -> Tensor:
        """What inversion aims at: one row a text, without gradient; `inversion_loss` takes it."""
        ...

    def inversion_loss(self, images: Tensor, target: Tensor) -> Tensor:
        """Distance of each image [B, 3, H, W] to its target, B rows of `inversion_target` or one for all images.

        [B], at least 0, lower is a better match, differentiable in pixels: 1 - cosine of two encoders, in [0, 2]; the
        cross-entropy of a match for a joint one.
        """
        ...

    def inversion_similarity(self, loss: Tensor) -> Tensor:
        """What a curve shows of an inversion loss [B]: the cosine, or the probability of a match; 1 at a loss of 0."""
        ...

    def finetuning_logits(self, images: Tensor, classes: Classes) -> Tensor:
        """Scores [B, K] of images [B, 3, H, W], differentiable in pixels and parameters.

        Their softmax is the model's own probability of each class.
        """
        ...

    def similarity(self, images: Tensor, classes: Classes) -> Tensor:
        """Similarity [N, K] on the CPU, higher is closer, without gradient; N may be large: it works in batches."""
        ...

    def token_count(self, text: str) -> int:
        """Tokens of the whole text, start and end token included; above `context_length` it will be cut."""
        ...

    def parameters_of(self, part: str) -> dict[str, Parameter]:
        """The parameters of a part, by their names in the state dict.

        Args:
            part: a word of stages/common/parts.py; "head" is what follows the last block of the visual encoder.

        Raises:
            UserError: no such part, or this architecture has none.
        """
        ...

    def blocks_below(self, names: Iterable[str]) -> int:
        """How many blocks of the encoder lie below all of these parameters of it, and stay while only they move.

        0 where one of them lies at the bottom, or the encoder is of a make that cannot be cut.
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


class TwoEncoders(Model, Protocol):
    """A model that embeds images and texts apart, each with unit norm; an image is near a text by their cosine."""

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Embeddings of texts: [M, D], unit norm.

        Each is computed once and kept as long as the text encoder is frozen. With a text parameter that requires a
        gradient the result is differentiable in it.
        """
        ...

    def embed_classes(self, classes: Classes) -> Tensor:
        """One row a class: [K, D]; an image's similarity to a class is its embedding times that row.

        Args:
            classes: K times one prompt, whose embedding is then the row, or several, which the family brings to one row
                as its published zero-shot classifier does.
        """
        ...

    def embed_images(self, images: Tensor) -> Tensor:
        """Embeddings of images [B, 3, H, W]: [B, D], unit norm, differentiable in pixels and parameters."""
        ...

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """Blocks of the visual encoder, the lowest first, as hooks need them; empty where its make is not known.

        What a block gives, or the first of what it gives, is [B, L, D], class tokens first, or [B, D, h, w].
        """
        ...

    def below(self, images: Tensor, blocks: int) -> Tensor:
        """Activations [B, ...] of images [B, 3, H, W] behind so many blocks; behind 0 the images themselves."""
        ...

    def embed_above(self, activations: Tensor, blocks: int) -> Tensor:
        """The embeddings [B, D] of images of which `below` gave these activations: `embed_images` cut in two."""
        ...

    def logits(self, embedded: Tensor, classes: Classes) -> Tensor:
        """Scaled similarities [B, K] of embedded images and classes; their softmax is the model's own probability."""
        ...


class Captioner(TwoEncoders, Protocol):
    """A model that also writes sentences about images, token by token.

    Attributes:
        start, end, pad: tokens that a sentence begins and ends with, and that stands behind a shorter one.
        max_tokens: of the longest sentence that it can write, start and end included.
    """

    start: int
    end: int
    pad: int
    max_tokens: int

    def seen(self, images: Tensor) -> Tensor:
        """What the decoder is shown of images [B, 3, H, W]: [B, T, D], differentiable in pixels and parameters."""
        ...

    def embed_and_see(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """`embed_images` and `seen` of the same images, of one look at them."""
        ...

    def caption_tokens(self, texts: Sequence[str]) -> Tensor:
        """Tokens [M, L] of whole sentences, L that of the longest, at most `max_tokens`."""
        ...

    def caption_logits(self, seen: Tensor, tokens: Tensor) -> Tensor:
        """Scores [B, L, V] of the token that follows each of tokens [B, L], differentiable; seen i with tokens i."""
        ...

    def writing(self, seen: Tensor) -> "Writing":
        """B sentences, none of which has a token yet, about what is seen: [B, T, D]."""
        ...

    def text_of(self, tokens: Tensor) -> list[str]:
        """The words of tokens [B, L], up to the first end."""
        ...


class Writing(Protocol):
    """Sentences that are being written; what was computed of their tokens is kept. Without gradient."""

    def next(self, tokens: Tensor) -> Tensor:
        """Adds a token to each sentence, [B], and gives the scores of the one that follows: [B, V]."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Goes on with the sentences of these places [B'], in their order; one may be named several times or never."""
        ...


class JointEncoder(Model, Protocol):
    """A model whose one encoder sees pairs: it says whether they match, and guesses masked words of the text.

    Attributes:
        vocabulary: of its tokenizer.
    """

    vocabulary: Vocabulary

    def image_tokens(self, images: Tensor) -> Tensor:
        """What of images [B, 3, H, W] depends on no text: [B, T, D], differentiable in pixels and parameters."""
        ...

    def scores(self, image_tokens: Tensor, texts: Sequence[str]) -> Tensor:
        """The log-odds that image and text match, of every pair of B `image_tokens` and M texts: [B, M]."""
        ...

    def scores_of_each(
        self, image_tokens: Tensor, texts: Sequence[str], states: Sequence[Mapping[str, Tensor]]
    ) -> Tensor:
        """The same with each of S states loaded, [S, B, M]; what lies below them is computed once.

        All are of the same tensors, with at least one block below them; the last stays loaded.
        """
        ...

    def matching_logits(self, images: Tensor, texts: Sequence[str]) -> Tensor:
        """[B, 2]: that image i and text i do not match, and that they do; before the softmax."""
        ...

    def tokens_of(self, texts: Sequence[str]) -> Tensor:
        """Numbers of tokens [M, L], start and end token included, 0 behind a text that is shorter than the longest."""
        ...

    def masked_logits(self, images: Tensor, tokens: Tensor) -> Tensor:
        """Scores [B, L, V] of every token of the vocabulary at each place of tokens [B, L], image i with tokens i."""
        ...


class Family(Protocol):
    """The names a family's module holds.

    Attributes:
        ENCODERS: "two" or "joint".
        DECODES: whether its models are `Captioner`s.
        LIBRARY: what loads a folder that `save` wrote, by the word that model hubs use for it.
        LOADING: Markdown for a model card: how to load it; "FOLDER" stands for the folder.
    """

    ENCODERS: str
    DECODES: bool
    LIBRARY: str
    LOADING: str

    @staticmethod
    def load(run: Run) -> Model:
        """The untouched model that a run starts from, on its device, frozen, in evaluation mode.

        Raises:
            UserError: the run's weights, architecture, pretrained tag or device cannot be used; the message says what
                is missing and how to get it.
        """
        ...

    @staticmethod
    def save(model: Model, folder: Path) -> None:
        """Writes the whole model into a folder that `load` reads as a run's `weights`, with equal outputs.

        The folder exists; make it with `atomic.new_folder`, so that it appears whole or not at all.
        """
        ...


def origin_of(run: Run) -> tuple[str | None, ...]:
    """What `load` makes a model from: runs of equal origins start from the same one."""
    return run.family, run.weights, run.architecture, run.pretrained, run.device


class Loader:
    """Loads the model of a run, and keeps it for a next one of the same origin; who changes it puts it back."""

    def __init__(self) -> None:
        self._origin: tuple[str | None, ...] | None = None
        self._model: Model | None = None

    def model_of(self, run: Run) -> Model:
        """The untouched model of a run; raises as `Family.load` does."""
        if self._model is None or self._origin != origin_of(run):
            self._model = None  # gives its memory back before the next takes some
            family = lookup.find("stages.models", run.family, f"params.yaml: runs.{run.key}.family")
            self._origin, self._model = origin_of(run), family.load(run)
        return self._model
