"""The family `vilt`: one encoder that sees an image and a text together, with a head that says whether they match.

Where the weights come from: `weights` of a run is a folder with

    config.json                               transformers' ViltConfig, as every published ViLT has it
    pytorch_model.bin or model.safetensors    a checkpoint with the matching head, or what `save` wrote
    vocab.txt or tokenizer.json               its WordPiece tokenizer; bert-base-uncased's for the published ones

data/weights/vilt.md says where all of it is to be had. `architecture` and `pretrained` are null.

An image and a text meet in the first layer, so nothing can be said of one without the other: every pair goes through
the whole encoder. What does not depend on the other, the embeddings of patches and tokens, is computed once.
Images may have any size of whole patches, up to what memory holds; position embeddings are stretched to it.

Differs: where all pairs are scored, texts of one length go through together: none is padded, as the published code pads
    them to 40 tokens. Where each image has its own text, padding is masked. No pair depends on its neighbours.
Source: Kim et al., ICML 2021, arXiv 2102.03334.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Parameter
from transformers import BertTokenizer

from stages.common.computing import device_of, precision_of
from stages.common.embeddings import Classes
from stages.common.failures import UserError
from stages.common.images import Fit, fit_images
from stages.common.params import Run
from stages.common.parts import known_part
from stages.common.vocabulary import Vocabulary
from stages.common.weights import copies, put_back
from stages.networks.vilt import CONFIG, TIED, WEIGHTS, Network, load_vilt

ENCODERS = "joint"
DECODES = False
LIBRARY = "transformers"
LOADING = """\
transformers' `ViltForMaskedLM.from_pretrained("FOLDER")` loads all but the matching head, for which it has no class. In
this project a run takes the folder as its `weights: FOLDER`, with `family: vilt`. From Python:

```python
from pathlib import Path

from stages.common.images import read_images
from stages.models import vilt

model = vilt.read(Path("FOLDER"))
images = read_images([Path("photo.jpg")], model.fit)
print(model.similarity(images, ["a photo of a moongate", "a photo of a window"]))  # log-odds of a match
```
"""
PAIRS = {"cpu": 64, "cuda": 256}  # that go through the encoder at once; more do not stay in a CPU's cache
MATCH = 1  # the matching head's output for "they match"; 0 is "they do not"
BLOCK = re.compile(r"vilt\.encoder\.layer\.(\d+)\.")
HEAD = re.compile(r"vilt\.(?:layernorm|pooler)\.|itm_score\.")


class Vilt:
    """ViLT behind the contract of stages/models/contract.py, in float32."""

    def __init__(self, network: Network, tokenizer: BertTokenizer, device: torch.device) -> None:
        """Takes the network over: frozen, in evaluation mode, on `device`."""
        self.network = network.eval().requires_grad_(False).to(device)
        self.tokenizer = tokenizer
        self.device = device
        self.image_size = network.config.image_size
        self.patch = network.config.patch_size
        self.fit = Fit(self.image_size)
        self.whole = Fit(self.image_size, patch=self.patch)
        self.context_length = network.config.max_position_embeddings
        self.vocabulary = _vocabulary(tokenizer)
        self._text_parameters = self.parameters_of("text_encoder")
        self._read: dict[str, Tensor] = {}  # text -> [L, H]

    def tokens_of(self, texts: Sequence[str]) -> Tensor:
        """Numbers of tokens [M, L], start and end included, 0 behind a text that is shorter than the longest."""
        found = self.tokenizer(list(texts), truncation=True, max_length=self.context_length, padding=True)
        return torch.tensor(found.input_ids, device=self.device)

    def token_count(self, text: str) -> int:
        """Tokens of the whole text, start and end token included."""
        return len(self.tokenizer(text).input_ids)

    def image_tokens(self, images: Tensor) -> Tensor:
        """[B, 1 + patches, H]; an image whose sides are no whole patches is brought to the model's own size."""
        if any(side % self.patch for side in images.shape[-2:]):
            images = fit_images(images, self.fit)
        return self.network.image_states((2 * images.to(self.device) - 1).to(precision_of(self)))

    def scores(self, image_tokens: Tensor, texts: Sequence[str]) -> Tensor:
        """The log-odds that image and text match, of every pair: [B, M], differentiable.

        Args:
            image_tokens: [B, T, H] of `image_tokens`.
            texts: M.
        """
        return self._scores(image_tokens, texts, lambda pairs: _log_odds(self.network.matching(pairs))[None])[0]

    def scores_of_each(
        self, image_tokens: Tensor, texts: Sequence[str], states: Sequence[Mapping[str, Tensor]]
    ) -> Tensor:
        """The same with each of S states loaded, [S, B, M]; the layers below all of them are gone through once."""
        blocks = self.blocks_below(name for state in states for name in state)

        def odds(pairs: Tensor) -> Tensor:
            below, found = self.network.below(pairs, blocks), []
            for state in states:
                put_back(self.network, state)
                found.append(_log_odds(self.network.matching(below, behind=blocks)))
            return torch.stack(found)

        return self._scores(image_tokens, texts, odds)

    def _scores(self, images: Tensor, texts: Sequence[str], odds: Callable[[Tensor], Tensor]) -> Tensor:
        """[S, B, M] of images [B, T, H] and M texts, by what gives [S, P] of the states [P, T, H] of pairs."""
        states, parts = self._states_of(texts), []
        lengths = [len(one) for one in states]
        for length in sorted({*lengths}):
            group = torch.stack([one for one in states if len(one) == length])
            parts.append(self._pairs(images, group, odds))
        order = sorted(range(len(states)), key=lengths.__getitem__)  # of equal length in their order, as in the parts
        places = torch.tensor(order, device=images.device).argsort()
        return torch.cat(parts, dim=2)[:, :, places]

    def _states_of(self, texts: Sequence[str]) -> list[Tensor]:
        """[L, H] of each text, computed once as long as the text embeddings are frozen."""
        if any(parameter.requires_grad for parameter in self._text_parameters.values()):
            self._read.clear()
            return [self.network.text_states(self.tokens_of([text]))[0] for text in texts]
        for text in dict.fromkeys(texts):
            if text not in self._read:
                # kept tensors must be usable in a later backward pass, so they are no tensors of inference mode
                with torch.inference_mode(False), torch.no_grad():
                    self._read[text] = self.network.text_states(self.tokens_of([text]))[0]
        return [self._read[text] for text in texts]

    def _pairs(self, images: Tensor, texts: Tensor, odds: Callable[[Tensor], Tensor]) -> Tensor:
        """Log-odds [S, B, M] of images [B, T, H] and texts [M, L, H], PAIRS of them at a time."""
        every = torch.cartesian_prod(torch.arange(len(images)), torch.arange(len(texts)))
        parts = every.split(PAIRS[self.device.type])
        states = (torch.cat([texts[part[:, 1]], images[part[:, 0]]], dim=1) for part in parts)
        found = torch.cat([odds(pairs) for pairs in states], dim=1)
        return found.unflatten(1, (len(images), len(texts)))

    def matching_logits(self, images: Tensor, texts: Sequence[str]) -> Tensor:
        """[B, 2] of the matching head for image i with text i; column MATCH is "they match"."""
        return self._matching(images, self.tokens_of(texts))

    def _matching(self, images: Tensor, tokens: Tensor) -> Tensor:
        return self.network.matching(*self._together(images, tokens))

    def _together(self, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        """States of image i with tokens i, and a mask where some are padded."""
        seen, is_token = self.image_tokens(images), tokens != 0
        states = torch.cat([self.network.text_states(tokens), seen], dim=1)
        return states, None if is_token.all() else F.pad(is_token, (0, seen.shape[1]), value=True)

    def masked_logits(self, images: Tensor, tokens: Tensor) -> Tensor:
        """Scores [B, L, V] of every token of the vocabulary at each place of tokens [B, L], image i with tokens i."""
        states = self.network.encoded(*self._together(images, tokens.to(self.device)))
        return self.network.mlm_score(states[:, : tokens.shape[1]])

    def inversion_target(self, texts: list[str]) -> Tensor:
        """The texts' tokens, [M, L]."""
        return self.tokens_of(texts)

    def inversion_loss(self, images: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy to "they match", [B], at least 0. Source: arXiv 2411.15611 Sec. 8.2."""
        tokens = target.expand(len(images), -1)
        tokens = tokens[:, : int((tokens != 0).sum(dim=1).max())]
        return F.softplus(-_log_odds(self._matching(images, tokens)))

    def inversion_similarity(self, loss: Tensor) -> Tensor:
        """The probability of a match, in [0, 1]."""
        return (-loss).exp()

    def finetuning_logits(self, images: Tensor, classes: Classes) -> Tensor:
        """Log-odds of a match, [B, K]; of an ensemble the mean of its prompts'."""
        groups = [[one] if isinstance(one, str) else list(one) for one in classes]
        scores = self.scores(self.image_tokens(images), [prompt for group in groups for prompt in group])
        return torch.stack([part.mean(dim=1) for part in scores.split([len(group) for group in groups], dim=1)], dim=1)

    def similarity(self, images: Tensor, classes: Classes) -> Tensor:
        """The same, [N, K] on the CPU, without gradient."""
        with torch.inference_mode():
            return torch.cat([self.finetuning_logits(image[None], classes).cpu() for image in images])

    def parameters_of(self, part: str) -> dict[str, Parameter]:
        """Parameters of a part; the visual encoder is all that an image goes through, most of which texts do too."""
        named = dict(self.network.named_parameters())
        text = [name for name in named if name.startswith("vilt.embeddings.text_embeddings.")]
        visual = [name for name in named if name not in text]
        blocks = {name: int(found[1]) for name in visual if (found := BLOCK.match(name))}
        head = [name for name in visual if HEAD.match(name)]
        last = [name for name in visual if name in head or blocks.get(name) == max(blocks.values())]
        parts = {"visual_encoder": visual, "last_stage": last, "head": head, "text_encoder": text}
        parts["both"] = text + visual
        return {name: named[name] for name in parts[known_part(part, parts)]}

    def blocks_below(self, names: Iterable[str]) -> int:
        """Layers below all of these parameters; the head that guesses words lies above all."""
        layers = self.network.config.num_hidden_layers
        own = [(name, BLOCK.match(name)) for name in names if not name.startswith("mlm_score.")]
        places = [int(found[1]) if found else layers if HEAD.match(name) else 0 for name, found in own]
        return min([layers, *places])

    def state(self, names: list[str]) -> dict[str, Tensor]:
        """Copies of the named tensors, on the CPU."""
        return copies(self.network, names)

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Puts tensors of `state` back, into this network's own memory."""
        if put_back(self.network, state):
            self._read.clear()


def _log_odds(logits: Tensor) -> Tensor:
    logits = logits.float()
    return logits[:, MATCH] - logits[:, 1 - MATCH]


def _vocabulary(tokenizer: BertTokenizer) -> Vocabulary:
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    special = set(tokenizer.all_special_tokens)
    return Vocabulary(
        tokenizer.mask_token_id,
        torch.tensor([token in special for token in tokens]),
        torch.tensor([token.startswith("##") for token in tokens]),
    )


def load(run: Run) -> Vilt:
    """The untouched model that a run starts from.

    Raises:
        UserError: one line, for: a missing folder, checkpoint, config or tokenizer, a checkpoint of another model or
            without a matching head, a truncated file, NaN, an architecture or tag where none is, no GPU.
    """
    for field in ("architecture", "pretrained"):
        if (said := getattr(run, field)) is not None:
            raise UserError(f"params.yaml: runs.{run.key}.{field} says {said!r}, but a ViLT's folder says all: null.")
    return read(Path(run.weights), device_of(run))


def read(folder: Path, device: torch.device | str = "cpu") -> Vilt:
    """The model of a folder.

    Raises:
        UserError: as `load`.
    """
    return Vilt(*load_vilt(folder), torch.device(device))


def save(model: Vilt, folder: Path) -> None:
    """Writes model.safetensors, config.json and the tokenizer's files into a folder."""
    own = [name for name in model.network.state_dict() if name != TIED or not model.network.tied]
    tensors = copies(model.network, own)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    content = {**model.network.config.to_dict(), "architectures": ["ViltForMaskedLM"]}
    (folder / CONFIG).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    model.tokenizer.save_pretrained(folder)
