"""greedy: token for token what the network itself says when it is asked anew for each."""

import pytest
import torch

from stages.common.decoding import Settings
from stages.decoders import greedy
from tests.stages.decoders.sentences import images, next_scores, rows, writer


def one_by_one(model, image, settings):
    """The slow reference: one image, encoded for every token, and the whole sentence read again."""
    tokens = [model.start]
    while len(tokens) < settings.max_length and tokens[-1] != model.end:
        scores = next_scores(model, image, tokens)
        if len(tokens) < settings.min_length:
            scores[model.end] = -torch.inf
        tokens.append(int(scores.argmax()))
    return tokens


@pytest.mark.parametrize("variant", ["pooled", "patches"])
@pytest.mark.parametrize(("min_length", "max_length", "eager"), [(5, 30, 4.0), (1, 12, 6.0), (7, 10, 9.0)])
def test_tokens_are_those_of_the_network_asked_anew_for_each(tiny_models, variant, min_length, max_length, eager):
    model, settings = writer(tiny_models["coca", variant], eager=eager), Settings("greedy", 1, min_length, max_length)
    expected = [one_by_one(model, image, settings) for image in images()]
    found = rows(greedy.decode(model, model.seen(images()), settings), model)
    assert found == expected
    assert len({len(row) for row in found}) > 1


def test_an_exclamation_mark_inside_a_word_which_is_the_padding_too_is_written_as_the_network_would(tiny_models):
    model, settings = writer(tiny_models["coca", "pooled"], eager=4.0), Settings("greedy", 1, 1, 9)
    with torch.no_grad():
        model.network.text_decoder.text_projection[:, model.pad] *= 20
    expected = [one_by_one(model, image, settings) for image in images()]
    assert any(model.pad in row for row in expected)
    tokens = greedy.decode(model, model.seen(images()), settings)
    assert [row[: len(own)] for row, own in zip(tokens.tolist(), expected, strict=True)] == expected
