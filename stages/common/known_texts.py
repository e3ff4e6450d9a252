"""Embeddings of texts, each computed once as long as its encoder stays as it is."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.utils.checkpoint import checkpoint

STACKED = 4  # lists of texts whose rows are kept together
CHUNK = 64  # texts whose activations are held at once; of a thousand, ViT-B/32's text encoder would hold 30 GB


class KnownTexts:
    """Embeddings of texts, each computed once; on a CPU alone, so that its bytes do not depend on its neighbours.

    Args:
        encode: M texts -> [M, D].
        at_once: how many texts are encoded together; a GPU that got them one by one would be idle most of the time.
    """

    def __init__(self, encode: Callable[[list[str]], Tensor], at_once: int = 1) -> None:
        self._encode, self._at_once = encode, at_once
        self._embedded: dict[str, Tensor] = {}
        self._stacked: dict[tuple[str, ...], Tensor] = {}  # the lists asked for last: training asks for the same ones

    def of(self, texts: Iterable[str], parameters: Iterable[Parameter]) -> Tensor:
        """[M, D]; with one of the text encoder's parameters requiring a gradient nothing is kept.

        Then more than CHUNK texts are encoded in chunks, each of which is computed again in the backward pass: that
        takes a third more time, and the memory of one chunk.
        """
        texts = list(texts)
        if any(parameter.requires_grad for parameter in parameters):
            self.forget()
            return self._encoded_anew(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in self._embedded]
        for chunk in _chunks(missing, self._at_once):
            # kept tensors must be usable in a later backward pass, so they are no tensors of inference mode
            with torch.inference_mode(False), torch.no_grad():
                self._embedded |= zip(chunk, self._encode(chunk), strict=True)
        return self._together(tuple(texts))

    def _together(self, texts: tuple[str, ...]) -> Tensor:
        if texts not in self._stacked:
            if len(self._stacked) == STACKED:
                self._stacked.pop(next(iter(self._stacked)))
            with torch.inference_mode(False):
                self._stacked[texts] = torch.stack([self._embedded[text] for text in texts])
        return self._stacked[texts]

    def _encoded_anew(self, texts: list[str]) -> Tensor:
        if len(texts) <= CHUNK:
            return self._encode(texts)
        chunks = _chunks(texts, CHUNK)
        return torch.cat([checkpoint(self._encode, chunk, use_reentrant=False) for chunk in chunks])

    def forget(self) -> None:
        """Compute all anew: the text encoder has changed."""
        self._embedded.clear()
        self._stacked.clear()


def _chunks(texts: list[str], size: int) -> list[list[str]]:
    return [texts[begin : begin + size] for begin in range(0, len(texts), size)]
