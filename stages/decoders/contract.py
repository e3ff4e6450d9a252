"""What a decoder promises: a way to write a sentence with a model that gives scores of the next token.

A decoder is a file of this folder, found by its name in `decoding.method` of a run. Its module holds what `Decoder`
lists. What was written about an image depends, up to rounding, on no other image.

Letters: B sentences or images, T places of what the decoder is shown, D width, L tokens, V vocabulary.
"""

from typing import Protocol

import torch
from torch import Tensor

from stages.common import lookup
from stages.common.decoding import Settings
from stages.common.failures import UserError
from stages.models.contract import Captioner

BATCH = 64  # images about which sentences are written at once


class Decoder(Protocol):
    """The names a decoder's module holds."""

    @staticmethod
    def decode(model: Captioner, seen: Tensor, settings: Settings) -> Tensor:
        """Sentences about what is seen.

        Args:
            model: which writes them.
            seen: [B, T, D].
            settings: of which `method` is this decoder.

        Returns:
            Tokens [B, L] from the start on, padded behind the end; L is that of the longest, at most max_length. A
            sentence that was cut has no end.
        """
        ...


def captions(model: Captioner, images: Tensor, settings: Settings) -> list[str]:
    """A sentence about each of images [N, 3, H, W]; N may be large: it works in batches, without gradient.

    Raises:
        UserError: no such method, or sentences longer than the model can write.
    """
    if settings.max_length > model.max_tokens:
        raise UserError(
            f"decoding: max_length is {settings.max_length}, but this model writes at most {model.max_tokens} tokens."
        )
    decoder = lookup.find("stages.decoders", settings.method, "decoding.method")
    written = []
    with torch.inference_mode():
        for part in images.split(BATCH):
            written += model.text_of(decoder.decode(model, model.seen(part), settings))
    return written
