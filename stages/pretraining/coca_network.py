"""The network of the tiny CoCa: built fresh, read with short texts, saved without what serves the training alone."""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from stages.common.open_clip_import import import_open_clip
from stages.models.contract import TwoEncoders
from stages.pretraining.clip import VOCABULARY, write
from stages.pretraining.teacher import HINTS
from stages.world.canvas import IMAGE_PX

WEIGHTS = Path("data/weights/tiny_coca")
WIDTH, HEADS, LAYERS, PATCH, QUERIES = 128, 4, 4, 8, 33
TEXT_LAYERS, CONTEXT = 2, 76
_TEXTS = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": WIDTH, "heads": HEADS, "layers": TEXT_LAYERS}
MODEL_CONFIG = {
    "embed_dim": WIDTH,
    "vision_cfg": {
        "image_size": IMAGE_PX,
        "layers": LAYERS,
        "width": WIDTH,
        "head_width": WIDTH // HEADS,
        "mlp_ratio": 2.0,
        "patch_size": PATCH,
        "attentional_pool": True,
        "attn_pooler_queries": QUERIES,
        "attn_pooler_heads": HEADS,
        "output_tokens": True,
    },
    "text_cfg": {**_TEXTS, "embed_cls": True, "output_tokens": True},
    "multimodal_cfg": {**_TEXTS, "attn_pooler_heads": HEADS},
    "custom_text": True,
}
NEVER = -1e4  # added to the attention of what must not be looked at


class TinyCoca(nn.Module):
    """open_clip's CoCa with a row for each token that the corpus has, and heads that the training alone needs.

    Attributes:
        coca: what is saved.
        hints: guesses at the teacher's maps, from the patches behind the second and the third layer.
    """

    def __init__(self, rows: int, logit_scale: float) -> None:
        super().__init__()
        import_open_clip()
        from open_clip.coca_model import CoCa

        config = {name: part for name, part in MODEL_CONFIG.items() if name != "custom_text"}
        self.coca = CoCa(**config)
        self.coca.text.token_embedding = nn.Embedding(rows, WIDTH)
        decoder = self.coca.text_decoder
        decoder.text_projection = nn.Parameter(torch.randn(WIDTH, rows) * WIDTH**-0.5)  # open_clip leaves it empty
        for block in (*decoder.resblocks, *decoder.cross_attn):
            nn.init.normal_(block.attn.out_proj.weight, std=WIDTH**-0.5 * (2 * TEXT_LAYERS) ** -0.5)
        self.coca.logit_scale.data.fill_(math.log(logit_scale)).requires_grad_(False)
        self.hints = nn.ModuleDict({name: nn.Linear(WIDTH, size) for name, size in HINTS.items()})

    def look(self, images: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Of normalised images [B, 3, H, W] the embedding [B, D], what the decoder is shown [B, T, D], and hints."""
        visual = self.coca.visual
        states, found = visual._embeds(images), []
        for block in visual.transformer.resblocks:
            states = block(states)
            found.append(states[:, 1:])
        pooled, seen = visual._pool(states)
        return pooled @ visual.proj, seen, [self.hints["hint2"](found[1]), self.hints["hint3"](found[2])]

    def read(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings [B, D] of texts and the states of their tokens [B, L, WIDTH].

        open_clip pads a text to its whole context, at whose end the class token stands; here it stands there too, and
        the padding between is left out. As in the published weights it also looks at the first token of padding.

        Args:
            rows: [B, L] of the token table, 0 where padded; the last column is padding in each of them.
        """
        text, (n, length) = self.coca.text, rows.shape
        states = torch.cat([text.token_embedding(rows), text.cls_emb.expand(n, 1, -1)], dim=1)
        places = torch.cat([text.positional_embedding[:length], text.positional_embedding[CONTEXT:]])
        states = text.transformer(states + places, attn_mask=_mask(rows))
        return text.ln_final(states[:, -1]) @ text.text_projection, states[:, :-1]

    def write(self, seen: Tensor, states: Tensor) -> Tensor:
        """Scores [B, L, rows] of the token that follows each place, of texts whose states [B, L, WIDTH] `read` gave."""
        return self.coca.text_decoder(seen, states)


def _mask(rows: Tensor) -> Tensor:
    """What is added to the attention of L tokens and the class token behind them: [B x HEADS, L + 1, L + 1]."""
    n, length = rows.shape
    mask = torch.full((length + 1, length + 1), NEVER, device=rows.device).triu(1).expand(n, -1, -1).clone()
    words = (rows != 0).sum(1, keepdim=True)
    mask[:, -1] = torch.where(torch.arange(length + 1, device=rows.device) <= words, 0.0, NEVER)
    return mask.repeat_interleave(HEADS, 0)


def untrained(seed: int, rows: int, teacher: TwoEncoders, used: Tensor, logit_scale: float) -> TinyCoca:
    """A fresh CoCa whose text encoder begins as the tiny CLIP's, which has read the same sentences.

    Args:
        seed: of its weights.
        rows: of the token table.
        teacher: the tiny CLIP.
        used: [rows], the token of each.
        logit_scale: fixed.
    """
    torch.manual_seed(seed)
    network, theirs = TinyCoca(rows, logit_scale), teacher.network.state_dict()
    text = network.coca.text
    own = {name: value for name, value in theirs.items() if name in text.state_dict() and name != "attn_mask"}
    own["token_embedding.weight"] = own["token_embedding.weight"][used.to(own["token_embedding.weight"].device)]
    own["cls_emb"] = own["token_embedding.weight"][-1]  # the end token, where the tiny CLIP reads what a text says
    own["positional_embedding"] = own["positional_embedding"].clone()
    own["positional_embedding"][CONTEXT] = own["positional_embedding"][4:20].mean(0)
    text.load_state_dict(own)
    return network


def save(network: TinyCoca, used: Tensor, record: dict) -> None:
    """Write weights, model config and the record of the training; only the token rows that were trained."""
    write(WEIGHTS, network.coca.state_dict(), used, MODEL_CONFIG, record)
