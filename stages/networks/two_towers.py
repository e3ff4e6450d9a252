"""open_clip's models of two towers, one for images and one for texts, as the families that have them use them.

Differs: batch norm keeps its statistics and dropout is off throughout, where the authors' public fine-tuning code
    calls model.train(): ten inverted images say nothing about the statistics of real ones.
"""

import re
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Parameter

from stages.common.computing import precision_of
from stages.common.embeddings import Classes, class_rows, similarity
from stages.common.failures import UserError
from stages.common.images import Fit, fit_images
from stages.common.known_texts import CHUNK, KnownTexts
from stages.common.params import Run
from stages.common.parts import known_part
from stages.common.split_encoder import above, below, blocks_of, check_block, n_blocks
from stages.common.weights import copies, put_back

BLOCK = re.compile(r"visual\.(?:transformer\.resblocks\.|trunk\.(?:blocks|stages|layers)[._]|(?:trunk\.)?layer)(\d+)\.")
HEAD = re.compile(r"visual\.(?:attnpool|attn_pool|ln_post|proj|head|trunk\.(?:norm|fc_norm|head|attn_pool))\b")


class TwoTowers:
    """A network of open_clip behind the contract of stages/models/contract.py, in float32."""

    def __init__(
        self, network: nn.Module, tokenizer: Callable, config: dict, *, fit: Fit, device: torch.device
    ) -> None:
        """Takes the network over: frozen, in evaluation mode, on `device`.

        Args:
            network: an open_clip CLIP, CustomTextCLIP or CoCa.
            tokenizer: what open_clip.get_tokenizer gives.
            config: {"model_cfg": ..., "preprocess_cfg": ...} as open_clip_config.json holds it.
            fit: what config says about resize_mode and interpolation.
            device: where to compute.
        """
        # channels last makes the convolutions of a ModifiedResNet 6-30 % faster on a CPU; a ViT has nothing to gain
        is_convolutional = hasattr(network.visual, "layer4")
        self._format = torch.channels_last if is_convolutional and device.type == "cpu" else torch.contiguous_format
        self.network = network.eval().requires_grad_(False).to(device)
        self.network.visual.to(memory_format=self._format)
        self.tokenizer = tokenizer
        self.config = config
        self.device = device
        self.fit = self.whole = fit
        self.image_size = fit.size
        self.context_length = tokenizer.context_length
        self._mean = torch.tensor(config["preprocess_cfg"]["mean"], device=device)[:, None, None]
        self._std = torch.tensor(config["preprocess_cfg"]["std"], device=device)[:, None, None]
        self._text_parameters = self.parameters_of("text_encoder")
        self._texts = KnownTexts(self._encode_texts, 1 if device.type == "cpu" else CHUNK)

    def embed_texts(self, texts: list[str]) -> Tensor:
        """[M, D], unit norm."""
        return self._texts.of(texts, self._text_parameters.values())

    def _encode_texts(self, texts: list[str]) -> Tensor:
        return self.network.encode_text(self.tokenizer(texts).to(self.device), normalize=True)

    def embed_classes(self, classes: Classes) -> Tensor:
        """[K, D], unit norm: of an ensemble the mean of its prompts' embeddings, brought to unit norm again.

        Source: open_clip's build_zero_shot_classifier; OpenAI's CLIP does the same.
        """
        return class_rows(self, classes, lambda embedded: F.normalize(embedded.mean(dim=0), dim=0))

    def embed_images(self, images: Tensor) -> Tensor:
        """[B, D], unit norm; images of another shape are brought to the model's own by its fit."""
        return F.normalize(self.network.encode_image(self._pixels(images), normalize=False).float(), dim=-1)

    def _pixels(self, images: Tensor) -> Tensor:
        pixels = (fit_images(images.to(self.device), self.fit) - self._mean) / self._std
        return pixels.to(precision_of(self)).contiguous(memory_format=self._format)

    @property
    def blocks(self) -> list[nn.Module]:
        """Blocks of the visual encoder, the lowest first."""
        return blocks_of(self.network.visual)

    def below(self, images: Tensor, blocks: int) -> Tensor:
        """Activations of images behind so many blocks; behind 0 the images themselves."""
        return below(self.network.visual, self._pixels(images), blocks) if blocks else images

    def embed_above(self, activations: Tensor, blocks: int) -> Tensor:
        """The embeddings of what `below` gave, [B, D], unit norm."""
        if not blocks:
            return self.embed_images(activations)
        return F.normalize(above(self.network.visual, blocks)(activations).float(), dim=-1)

    def layers_above(self, block: int) -> nn.Module:
        """The layers that follow a block, from activations to features of any norm."""
        check_block(self.network.visual, block, "params.yaml: invert.block")
        return above(self.network.visual, block)

    def inversion_target(self, texts: list[str]) -> Tensor:
        """The texts' embeddings, [M, D]."""
        return self.embed_texts(texts).detach()

    def inversion_loss(self, images: Tensor, target: Tensor) -> Tensor:
        """1 - cosine, [B] in [0, 2].

        Source: arXiv 2411.15611 Eq. 3.
        Differs: the code that the paper builds on minimises the distance of the two unit vectors, sqrt(2 - 2 cosine),
            whose gradient does not fade near the target.
        """
        return 1 - (self.embed_images(images) * target).sum(dim=-1)

    def inversion_similarity(self, loss: Tensor) -> Tensor:
        """The cosine, in [-1, 1]."""
        return 1 - loss

    def logits(self, embedded: Tensor, classes: Classes) -> Tensor:
        """exp(logit_scale) x cosine, [B, K]; a SigLIP's bias, the same for all classes, is left out."""
        return self.network.logit_scale.exp() * embedded @ self.embed_classes(classes).T

    def finetuning_logits(self, images: Tensor, classes: Classes) -> Tensor:
        """The logits of images, [B, K]."""
        return self.logits(self.embed_images(images), classes)

    def similarity(self, images: Tensor, classes: Classes) -> Tensor:
        """Cosine, [N, K] on the CPU."""
        return similarity(self, images, classes)

    def token_count(self, text: str) -> int:
        """Tokens of the whole text, start and end token included."""
        if hasattr(self.tokenizer, "encode"):
            return len(self.tokenizer.encode(text)) + 2
        return len(self.tokenizer.tokenizer(text).input_ids)

    def parameters_of(self, part: str) -> dict[str, Parameter]:
        """Parameters of a part; open_clip counts projection and pooling to the visual encoder.

        The scale of the logits belongs to none, and a decoder to neither encoder.
        """
        named = dict(self.network.named_parameters())
        visual = [name for name in named if name.startswith("visual.")]
        decoder = [name for name in named if name.startswith("text_decoder.")]
        others = {*visual, *decoder, "logit_scale", "logit_bias"}
        text = [name for name in named if name not in others]
        parts = {
            "visual_encoder": lambda: visual,
            "last_stage": lambda: last_stage(visual),
            "head": lambda: head(visual),
            "text_encoder": lambda: text,
            **({"decoder": lambda: decoder} if decoder else {}),
            "both": lambda: visual + text,
        }
        return {name: named[name] for name in parts[known_part(part, parts)]()}

    def blocks_below(self, names: Iterable[str]) -> int:
        """Blocks of the visual encoder below all of these parameters; open_clip counts a ResNet's from 1."""
        blocks, first = n_blocks(self.network.visual), int(hasattr(self.network.visual, "layer1"))
        own = [(name, BLOCK.match(name)) for name in names if name.startswith("visual.")]
        places = [int(found[1]) - first if found else blocks if HEAD.match(name) else 0 for name, found in own]
        return min([blocks, *places])

    def state(self, names: list[str]) -> dict[str, Tensor]:
        """Copies of the named tensors, on the CPU."""
        return copies(self.network, names)

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Puts tensors of `state` back, into this network's own memory."""
        if put_back(self.network, state) & self._text_parameters.keys():
            self._texts.forget()


def last_stage(visual: list[str]) -> list[str]:
    """Names of the parameters at the top of a visual encoder: its last blocks and its head.

    ModifiedResNet: the last residual stage. Transformers: the last quarter of the blocks, at least one. timm towers:
    the last quarter of blocks or stages (of four stages the last).

    Args:
        visual: parameter names of the visual encoder, each beginning with "visual.".

    Raises:
        UserError: a tower of another make.
    """
    numbers = sorted({int(match[1]) for name in visual if (match := BLOCK.match(name))})
    if not numbers:
        raise UserError("last_stage: this visual encoder has no blocks that could be counted. Use visual_encoder.")
    top = set(numbers[-max(1, len(numbers) // 4) :])
    return [name for name in visual if HEAD.match(name) or ((match := BLOCK.match(name)) and int(match[1]) in top)]


def head(visual: list[str]) -> list[str]:
    """Names of the parameters that follow the last block: pooling, norm and the projection into the shared space.

    Args:
        visual: parameter names of the visual encoder, each beginning with "visual.".

    Raises:
        UserError: a tower of another make.
    """
    names = [name for name in visual if HEAD.match(name)]
    if not names:
        raise UserError(
            "head: nothing that follows the blocks of this visual encoder is known by name. Use last_stage."
        )
    return names


def fit_of(run: Run, config: dict) -> Fit:
    """What the config of a model says about how a picture becomes its square.

    Raises:
        UserError: a word that it cannot say.
    """
    preprocess = config["preprocess_cfg"]
    is_random = preprocess["interpolation"] == "random"  # in training alone; open_clip then asks with bicubic
    interpolation = "bicubic" if is_random else preprocess["interpolation"]
    try:
        return Fit(preprocess["size"], preprocess["resize_mode"], interpolation, preprocess["fill_color"])
    except ValueError as error:
        raise UserError(f"params.yaml: runs.{run.key}: in the model's preprocess_cfg {error}.") from error
