"""The family `coca`: two encoders into one space, and a decoder that writes sentences about what one of them sees.

Where the weights come from, by `weights`, `architecture` and `pretrained` of a run:

    weights            architecture      pretrained
    a folder           null              null        open_clip_config.json and open_clip's weights, as a hub holds them
    a checkpoint file  coca_ViT-B-32     null        .safetensors, or .pt, .pth, .bin without code in them
    data/weights/...   coca_ViT-B-32     laion2b_s13b_b90k, or mscoco_finetuned_laion2b_s13b_b90k, which writes captions
    data/weights/...   hf-hub:org/name   null        config and weights from the hub

coca_ViT-L-14 has the same two tags. The decoder reads the states of the text encoder, so that encoder has a part in
every caption, and what pools the patches for the decoder belongs to the visual encoder.

The project's own weights keep only the tokens that training has met; here, and in every export, the tables are whole,
and the untouched model never writes the others (`expand_token_rows`: a score of -30). Teaching the decoder moves them
as all else: after that of the drawn world's runs the highest of them stands at -20.

Differs: open_clip's own `generate` needs an older transformers, and reads the whole sentence again for every token;
    stages/decoders has what takes its place.
Source: Yu et al., TMLR 2022, arXiv 2205.01917.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.common.computing import device_of
from stages.common.failures import UserError
from stages.common.images import Fit
from stages.common.params import Run
from stages.networks.caption_writing import Writing
from stages.networks.open_clip_weights import Loaded, load_open_clip, write_open_clip
from stages.networks.two_towers import TwoTowers, fit_of

ENCODERS = "two"
DECODES = True
LIBRARY = "open_clip"
LOADING = """\
```python
import open_clip

model, _, preprocess = open_clip.create_model_and_transforms("local-dir:FOLDER")
tokenizer = open_clip.get_tokenizer("local-dir:FOLDER")
```

Its `generate` needs transformers below 5. In this project a run takes the folder as its `weights: FOLDER`, with
`family: coca`.
"""


class Coca(TwoTowers):
    """A CoCa of open_clip whose text encoder reads from left to right."""

    def __init__(
        self, network: nn.Module, tokenizer: Callable, config: dict, *, fit: Fit, device: torch.device
    ) -> None:
        """Takes the network over, as `TwoTowers` does."""
        super().__init__(network, tokenizer, config, fit=fit, device=device)
        self.start, self.end, self.pad = tokenizer.sot_token_id, tokenizer.eot_token_id, network.pad_id
        self.max_tokens = min(network.text.context_length, network.text_decoder.context_length)

    def seen(self, images: Tensor) -> Tensor:
        """[B, T, D]: the patches, or what they are pooled to; images of another shape are brought to the model's."""
        return self.network.visual(self._pixels(images))[1]

    def embed_and_see(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The images' embeddings [B, D], unit norm, and what the decoder is shown of them [B, T, D]."""
        embedded, seen = self.network.visual(self._pixels(images))
        return F.normalize(embedded.float(), dim=-1), seen

    def caption_tokens(self, texts: Sequence[str]) -> Tensor:
        """Tokens [M, L] of whole sentences, L that of the longest; longer than `max_tokens` they are cut."""
        tokens = self.tokenizer(list(texts), context_length=self.max_tokens)
        longest = int((tokens == self.end).int().argmax(dim=1).max()) + 1
        return tokens[:, :longest].to(self.device)

    def caption_logits(self, seen: Tensor, tokens: Tensor) -> Tensor:
        """Scores [B, L, V] of the token that follows each of tokens [B, L], by open_clip's own modules."""
        return self.network.text_decoder(seen, self.network.text(tokens)[1])

    def writing(self, seen: Tensor) -> Writing:
        """B sentences, none of which has a token yet, about what is seen: [B, T, D]."""
        return Writing(self.network, seen)

    def text_of(self, tokens: Tensor) -> list[str]:
        """The words of tokens [B, L], up to the first end, in lower case."""
        return [self._words(row) for row in tokens.tolist()]

    def _words(self, tokens: list[int]) -> str:
        written = tokens[: tokens.index(self.end)] if self.end in tokens else tokens
        return self.tokenizer.decode([token for token in written if token not in (self.start, self.pad)]).strip()


def load(run: Run) -> Coca:
    """The untouched model that a run starts from.

    Raises:
        UserError: one line, for: a missing folder or file, an unknown architecture, pretrained tag or config, a model
            without a decoder or with a text encoder by which none can write, a checkpoint of another architecture, a
            truncated file, NaN, no way to the hub, no GPU.
    """
    device = device_of(run)
    loaded = load_open_clip(run, decodes=DECODES)
    _refuse_unable(run, loaded)
    return Coca(loaded.network, loaded.tokenizer, loaded.config, fit=fit_of(run, loaded.config), device=device)


def _refuse_unable(run: Run, loaded: Loaded) -> None:
    """Refuse a text encoder that sees the words that are still to be written, as coca_roberta's does."""
    text = loaded.network.text
    reads_on = getattr(text, "attn_mask", None) is not None and getattr(text, "cls_emb", None) is not None
    has_own_tokens = hasattr(loaded.tokenizer, "sot_token_id")
    if not (reads_on and has_own_tokens) or not all(
        isinstance(block.attn, nn.MultiheadAttention) for block in text.transformer.resblocks
    ):
        raise UserError(
            f"params.yaml: runs.{run.key}: no sentence can be written with {run.architecture or run.weights}: its text "
            "encoder does not read from left to right, with a class token at the end, by open_clip's own tokens, as "
            "those of coca_ViT-B-32 and coca_ViT-L-14 do."
        )


def save(model: Coca, folder: Path) -> None:
    """Writes what open_clip reads, the whole token tables included; see `write_open_clip`."""
    write_open_clip(Loaded(model.network, model.tokenizer, model.config), folder)
