"""Sentences that open_clip's CoCa writes token by token, each of which goes through the network once.

The network's own forward pass reads the whole sentence again for every token. Here keys and values of what was written
are kept, those of the image are computed once, and sentences about one image share them. The scores are the same up to
rounding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Writing:
    """B sentences about B images, or several about each; see `Writing` of stages/models/contract.py."""

    def __init__(self, network: nn.Module, seen: Tensor) -> None:
        """No sentence has a token yet.

        Args:
            network: a CoCa whose text tower is causal and has a class token, which stands behind all that was written
                and is left out, on the device of what is seen.
            seen: what the decoder is shown of the images, [B, T, D].
        """
        self._text, self._decoder, self._pad = network.text, network.text_decoder, network.pad_id
        pairs = zip(self._decoder.resblocks, self._decoder.cross_attn, strict=True)
        with torch.no_grad():
            self._reading = [_Written(block) for block in self._text.transformer.resblocks]
            self._telling = [(_Written(own), _Seen(other, seen)) for own, other in pairs]
        self._image_of = torch.arange(len(seen), device=seen.device)
        self._is_visible = torch.ones(len(seen), 0, dtype=torch.bool, device=seen.device)
        self._last_is_pad = torch.zeros(len(seen), dtype=torch.bool, device=seen.device)

    @torch.no_grad()
    def next(self, tokens: Tensor) -> Tensor:
        """Adds a token to each sentence, [B], and gives the scores of the one that follows: [B, V]."""
        place, text, decoder = self._is_visible.shape[1], self._text, self._decoder
        precision = text.transformer.get_cast_dtype()
        states = (text.token_embedding(tokens) + text.positional_embedding[place]).to(precision)[:, None]
        mask = self._mask(tokens == self._pad)
        for written in self._reading:
            states = written.next(states, mask)
        for written, seen in self._telling:
            states = seen.next(written.next(states, None))
        return (decoder.ln_final(states) @ decoder.text_projection)[:, 0]

    def _mask(self, is_pad: Tensor) -> Tensor | None:
        """What of the sentence the text tower may look at, [B, 1, 1, L]; None: all of it.

        Padding is meant to be hidden from the class token. open_clip hides the place behind each padding token from
        all, and so what stands behind an exclamation mark inside a word, which has the same number.
        """
        self._is_visible = torch.cat([self._is_visible, ~self._last_is_pad[:, None]], dim=1)
        self._last_is_pad = is_pad
        return None if self._is_visible.all() else self._is_visible[:, None, None]

    def keep(self, rows: Tensor) -> None:
        """Goes on with the sentences of these places [B'], in their order; one may be named several times or never."""
        self._is_visible, self._last_is_pad = self._is_visible[rows], self._last_is_pad[rows]
        for written in (*self._reading, *(own for own, _ in self._telling)):
            written.keep(rows)
        images, counts = self._image_of[rows].unique_consecutive(return_counts=True)
        if not (counts == counts[0]).all():  # as many sentences about each image can share its keys; these cannot
            images, counts = self._image_of[rows], torch.ones_like(rows)
        for _, seen in self._telling:
            seen.keep(images)
        self._image_of = torch.arange(len(images), device=rows.device).repeat_interleave(counts)


class _Written:
    """A block that looks at what was written: its keys and values [B, heads, L, D / heads]."""

    def __init__(self, block: nn.Module) -> None:
        self._block = block
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    def next(self, states: Tensor, mask: Tensor | None) -> Tensor:
        """Of the newest token, [B, 1, D] to [B, 1, D]."""
        block, heads = self._block, self._block.attn.num_heads
        projected = F.linear(block.ln_1(states), block.attn.in_proj_weight, block.attn.in_proj_bias)
        query, key, value = (_by_head(one, heads) for one in projected.chunk(3, dim=-1))
        self._keys = key if self._keys is None else torch.cat([self._keys, key], dim=2)
        self._values = value if self._values is None else torch.cat([self._values, value], dim=2)
        return _added(block, states, F.scaled_dot_product_attention(query, self._keys, self._values, mask))

    def keep(self, rows: Tensor) -> None:
        """Goes on with these sentences."""
        if self._keys is not None:
            self._keys, self._values = self._keys[rows], self._values[rows]


class _Seen:
    """A block that looks at the images: their keys and values [images, heads, T, D / heads]."""

    def __init__(self, block: nn.Module, seen: Tensor) -> None:
        self._block, self._width = block, seen.shape[-1]
        attention = block.attn
        weight, bias = attention.in_proj_weight[self._width :], attention.in_proj_bias[self._width :]
        projected = F.linear(block.ln_1_kv(seen), weight, bias).chunk(2, dim=-1)
        self._keys, self._values = (_by_head(one, attention.num_heads) for one in projected)

    def next(self, states: Tensor) -> Tensor:
        """Of the newest token, [B, 1, D] to [B, 1, D]; as many sentences about each image, which stand together."""
        block, attention = self._block, self._block.attn
        weight, bias = attention.in_proj_weight[: self._width], attention.in_proj_bias[: self._width]
        query = F.linear(block.ln_1(states), weight, bias).view(len(self._keys), -1, self._width)
        looked = F.scaled_dot_product_attention(_by_head(query, attention.num_heads), self._keys, self._values)
        return _added(block, states, looked)

    def keep(self, images: Tensor) -> None:
        """Goes on with these images."""
        if not torch.equal(images, torch.arange(len(self._keys), device=images.device)):
            self._keys, self._values = self._keys[images], self._values[images]


def _by_head(states: Tensor, heads: int) -> Tensor:
    """[B, L, D] to [B, heads, L, D / heads]."""
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)


def _added(block: nn.Module, states: Tensor, looked: Tensor) -> Tensor:
    """What a residual block makes of states [B, 1, D] and of what its heads have looked at."""
    states = states + block.ls_1(block.attn.out_proj(looked.transpose(1, 2).reshape(states.shape)))
    return states + block.ls_2(block.mlp(block.ln_2(states)))
