"""ViLT's encoder with the two heads of its pre-training, read from its published checkpoint.

Differs: patches keep their order, where transformers shuffles them; the encoder knows their places by embeddings alone.
Source: Kim et al., ICML 2021, arXiv 2102.03334; transformers' ViltModel, whose tensors these are.
"""

import json
import re
from pathlib import Path

import torch
import torch.nn.functional as F
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from transformers import BertTokenizer, ViltConfig, ViltModel
from transformers.models.vilt.modeling_vilt import ViltLayer, ViltMLMHead

from stages.common.failures import UserError
from stages.common.weight_files import VILT, VILT_TOKENIZER
from stages.common.weights import load_into, read_weights

PAGE = "data/weights/vilt.md"
CONFIG, (WEIGHTS, PUBLISHED) = "config.json", VILT
MATCHING_HEAD = re.compile(r"itm_score(?:\.fc)?\.(weight|bias)$")
OTHER_HEADS = re.compile(r"(?:rank_output|classifier|nlvr2_classifier)\.|\.(?:position_ids|token_type_ids)$")
WORDS = "vilt.embeddings.text_embeddings.word_embeddings.weight"
TIED = "mlm_score.decoder.weight"  # the word embeddings themselves, or the head's own, as in the published checkpoint


class Network(nn.Module):
    """ViLT with both heads of its pre-training, under the names of the published checkpoint; random weights.

    Attributes:
        tied: whether words are guessed by the word embeddings themselves. transformers' config cannot say that they
            are not, so a checkpoint's tensors do.
    """

    def __init__(self, config: ViltConfig, *, tied: bool = True) -> None:
        super().__init__()
        self.config = config
        self.tied = tied
        self.vilt = ViltModel(config)
        self.itm_score = nn.ModuleDict({"fc": nn.Linear(config.hidden_size, 2)})
        self.mlm_score = ViltMLMHead(config)
        if tied:
            self.mlm_score.decoder.weight = self.vilt.embeddings.text_embeddings.word_embeddings.weight

    def text_states(self, tokens: Tensor) -> Tensor:
        """Embeddings of tokens [M, L] -> [M, L, H]: what of a text depends on no image."""
        parts = self.vilt.embeddings
        return parts.text_embeddings(tokens) + parts.token_type_embeddings.weight[0]

    def image_states(self, pixels: Tensor) -> Tensor:
        """Embeddings of an image token and of patches, [B, 3, H, W], normalised -> [B, 1 + patches, H]."""
        parts = self.vilt.embeddings
        patches = parts.patch_embeddings(pixels)
        places = parts.position_embeddings[:, 1:].transpose(1, 2).unflatten(2, (self._side, self._side))
        if patches.shape[2:] != places.shape[2:]:
            places = F.interpolate(places, patches.shape[2:], mode="bilinear", align_corners=True)
        first = (parts.cls_token + parts.position_embeddings[:, :1]).expand(len(pixels), -1, -1)
        states = torch.cat([first, (patches + places).flatten(2).transpose(1, 2)], dim=1)
        return states + parts.token_type_embeddings.weight[1]

    @property
    def _side(self) -> int:
        return self.config.image_size // self.config.patch_size

    def below(self, states: Tensor, blocks: int) -> Tensor:
        """States [P, T, H] behind the first layers; nothing is padded."""
        for layer in self.vilt.encoder.layer[:blocks]:
            states = _through(layer, states, None, states.shape[1])
        return states

    def encoded(self, states: Tensor, mask: Tensor | None = None, *, first: bool = False, behind: int = 0) -> Tensor:
        """States [P, T, H] of P pairs after all layers and the last norm; with `first` those of the first token alone.

        Args:
            states: of text, then of image.
            mask: [P, T] bool, False where a text is padded; None: nowhere.
            first: spares the last layer all other places: [P, 1, H].
            behind: layers that the states have gone through already.
        """
        layers = self.vilt.encoder.layer
        for layer in layers[behind:]:
            states = _through(layer, states, mask, 1 if first and layer is layers[-1] else states.shape[1])
        return self.vilt.layernorm(states[:, :1] if first else states)

    def after_layers(self, states: Tensor) -> list[Tensor]:
        """States [P, T, H] after each layer, without the last norm; nothing is padded."""
        found = []
        for layer in self.vilt.encoder.layer:
            states = _through(layer, states, None, states.shape[1])
            found.append(states)
        return found

    def matching(self, states: Tensor, mask: Tensor | None = None, *, behind: int = 0) -> Tensor:
        """[P, 2] of the matching head, for P pairs as `encoded` takes them."""
        return self.itm_score["fc"](self.vilt.pooler(self.encoded(states, mask, first=True, behind=behind)))


def _through(layer: ViltLayer, states: Tensor, mask: Tensor | None, asked: int) -> Tensor:
    """The first `asked` places of states [P, T, H] after a layer; what it computes is what transformers' own does."""
    attention, normed = layer.attention.attention, layer.layernorm_before(states)
    heads = (attention.num_attention_heads, attention.attention_head_size)
    query, key, value = (
        part(given).unflatten(2, heads).transpose(1, 2)
        for part, given in (
            (attention.query, normed[:, :asked]),
            (attention.key, normed),
            (attention.value, normed),
        )
    )
    allowed = None if mask is None else mask[:, None, None]
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed).transpose(1, 2).flatten(2)
    states = states[:, :asked] + layer.attention.output.dense(mixed)
    return states + layer.output.dense(layer.intermediate(layer.layernorm_after(states)))


def load_vilt(folder: Path) -> tuple[Network, BertTokenizer]:
    """The network of a folder with its weights, and its tokenizer.

    Raises:
        UserError: one line, for: a missing folder, checkpoint, config or tokenizer, a checkpoint of another model or
            without a matching head, a truncated file, NaN.
    """
    found = [folder / name for name in (WEIGHTS, PUBLISHED) if (folder / name).is_file()]
    if not found or not (folder / CONFIG).is_file():
        raise UserError(f"{folder} is no folder with {CONFIG} and {PUBLISHED} (or {WEIGHTS}) of a ViLT; see {PAGE}.")
    state = _named(read_weights(found[0]), found[0])
    is_tied = {TIED, WORDS} <= state.keys() and torch.equal(state[TIED], state[WORDS])
    network = _built(folder / CONFIG, tied=is_tied)
    load_into(network, state, found[0])
    return network, _tokenizer(folder, network)


def _built(path: Path, *, tied: bool) -> Network:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("model_type") != "vilt":
            raise ValueError(f"its model_type is {content.get('model_type')!r}, not 'vilt'")
        return Network(ViltConfig.from_dict(content), tied=tied)
    except (TypeError, ValueError, AttributeError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is no config of ViLT: {type(error).__name__} {reason}") from error


def _named(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """A checkpoint's tensors under the network's names; heads of other tasks are left out.

    Raises:
        UserError: it has no matching head.
    """
    shapes = {"weight": 2, "bias": 1}
    heads = {name: found[1] for name in state if (found := MATCHING_HEAD.search(name))}
    fitting = {kind: name for name, kind in heads.items() if state[name].ndim == shapes[kind] and len(state[name]) == 2}
    if fitting.keys() != shapes.keys():
        raise UserError(
            f"{path} has no matching head, tensors itm_score.weight [2, hidden] and itm_score.bias [2], only "
            f"{', '.join(heads) or 'none of that name'}: models that were fine-tuned, and most that were republished, "
            f"have lost it. {PAGE} says which has it."
        )
    kept = {name: value for name, value in state.items() if name not in heads and not OTHER_HEADS.search(name)}
    if "mlm_score.bias" in kept:  # what transformers called the decoder's bias until version 5
        kept["mlm_score.decoder.bias"] = kept.pop("mlm_score.bias")
    if WORDS in kept:
        kept.setdefault(TIED, kept[WORDS])
    return kept | {f"itm_score.fc.{kind}": state[name] for kind, name in fitting.items()}


def _tokenizer(folder: Path, network: Network) -> BertTokenizer:
    if not any((folder / name).is_file() for name in VILT_TOKENIZER):
        raise UserError(f"{folder} holds no tokenizer ({' or '.join(VILT_TOKENIZER)}); {PAGE} says how to get it.")
    try:
        tokenizer = BertTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise UserError(f"the tokenizer in {folder} cannot be read: {error}") from error
    if len(tokenizer) != network.config.vocab_size:
        raise UserError(
            f"the tokenizer in {folder} knows {len(tokenizer)} tokens, but the checkpoint {network.config.vocab_size}: "
            f"they do not belong together. {PAGE} says how to get the right one."
        )
    return tokenizer
