"""Texts are embedded once, alone or in chunks, and anew once their encoder moves."""

import pytest
import torch

from stages.common.known_texts import CHUNK, KnownTexts

FROZEN = [torch.nn.Parameter(torch.ones(2), requires_grad=False)]


class Encoder:
    """The length of a text and its first letter; it keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked.append(texts)
        return torch.tensor([[len(text), ord(text[0])] for text in texts], dtype=torch.float32)


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_each_text_is_embedded_once_and_given_in_the_order_asked(at_once):
    encode = Encoder()
    known = KnownTexts(encode, at_once)
    assert known.of(["bb", "a", "bb", "ccc"], FROZEN).tolist() == [[2, 98], [1, 97], [2, 98], [3, 99]]
    assert known.of(["ccc", "dddd"], FROZEN).tolist() == [[3, 99], [4, 100]]
    assert [text for texts in encode.asked for text in texts] == ["bb", "a", "ccc", "dddd"]
    assert max(map(len, encode.asked)) == min(at_once, 3)


def test_nothing_is_kept_where_the_encoder_moves():
    encode, moving = Encoder(), [torch.nn.Parameter(torch.ones(2))]
    known = KnownTexts(encode)
    texts = [f"{'x' * (number % 7 + 1)}" for number in range(CHUNK + 3)]
    for _ in range(2):
        assert known.of(texts, moving).shape == (CHUNK + 3, 2)
    assert sum(map(len, encode.asked)) == 2 * (CHUNK + 3)


def test_what_was_kept_is_forgotten_when_told():
    encode = Encoder()
    known = KnownTexts(encode)
    known.of(["a"], FROZEN)
    known.forget()
    known.of(["a"], FROZEN)
    assert encode.asked == [["a"], ["a"]]
