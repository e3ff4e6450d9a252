"""beam: the sentences that transformers' own search finds with the same network."""

from types import SimpleNamespace

import pytest
import torch
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from stages.common.beam_search import Candidate, Limits
from stages.common.decoding import Settings
from stages.decoders import beam
from tests.stages.decoders.sentences import images, rows, writer


class Whole(PreTrainedModel, GenerationMixin):
    """A CoCa that reads the whole sentence again for every token, as transformers' `generate` wants it."""

    config_class = PretrainedConfig
    main_input_name = "input_ids"

    def __init__(self, model, seen):
        super().__init__(PretrainedConfig())
        self.coca, self.seen = model.network, seen
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def forward(self, input_ids, **_):
        seen = self.seen.repeat_interleave(len(input_ids) // len(self.seen), dim=0)
        found = self.coca(None, input_ids, image_latent=seen, image_embs=seen, output_labels=False)
        return CausalLMOutput(logits=found["logits"])

    def prepare_inputs_for_generation(self, input_ids, **_):
        return {"input_ids": input_ids}


def transformers_own(model, seen, settings):
    start = torch.full((len(seen), 1), model.start)
    words = {"num_beams": settings.beams, "min_length": settings.min_length, "max_length": settings.max_length}
    words |= {"early_stopping": False, "length_penalty": 1.0, "do_sample": False, "use_cache": False}
    with torch.no_grad():
        found = Whole(model, seen).generate(start, eos_token_id=model.end, pad_token_id=model.pad, **words)
    return [row[: row.index(model.end) + 1] if model.end in row else row for row in found.tolist()]


@pytest.mark.parametrize(
    ("beams", "min_length", "max_length", "eager"),
    [(2, 5, 20, 4.0), (6, 5, 14, 6.0), (3, 1, 9, 9.0), (1, 2, 12, 6.0), (4, 4, 6, 1.0)],
)
def test_sentences_are_those_of_transformers(tiny_models, beams, min_length, max_length, eager):
    model = writer(tiny_models["coca", "pooled"], eager=eager)
    seen, settings = model.seen(images()), Settings("beam", beams, min_length, max_length)
    found = rows(beam.decode(model, seen, settings), model)
    assert found == transformers_own(model, seen, settings)
    assert eager == 1.0 or any(row[-1] == model.end for row in found)


def candidate(score, length, *, has_ended=False):
    return Candidate(score, 0, [0] * length, has_ended=has_ended)


def test_a_sentence_that_ends_below_the_best_is_lost_and_one_that_ends_among_them_is_kept():
    rule = beam.Sentences(Limits(beams=2, min_length=1, max_length=9))
    ends, followed = candidate(-1.0, 3, has_ended=True), [candidate(-2.0, 3), candidate(-4.0, 3)]
    assert rule.take([ends, followed[0], candidate(-3.0, 3, has_ended=True), followed[1]]) == followed
    assert not rule.is_done and rule.best([]) == ends.tokens


def test_the_search_is_over_when_no_mean_so_far_is_better_than_those_set_aside():
    rule = beam.Sentences(Limits(beams=1, min_length=1, max_length=9))
    rule.take([candidate(-1.0, 2, has_ended=True), candidate(-0.5, 2)])
    assert not rule.is_done
    rule.take([candidate(-2.0, 3), candidate(-2.5, 3)])  # a mean of -1
    assert rule.is_done


def test_probabilities_of_a_sentence_are_multiplied():
    """A first token that is likely, but is followed by many unlikely ones, loses against a surer sentence."""
    first, second = {1: 0.6, 2: 0.4}, {1: {3: 0.5, 4: 0.5}, 2: {3: 0.99, 4: 0.01}}

    class Table:
        def __init__(self):
            self.written = [[]]

        def next(self, tokens):
            self.written = [[*own, token] for own, token in zip(self.written, tokens.tolist(), strict=True)]
            return torch.stack([self.scores(own[1:]) for own in self.written])

        def scores(self, own):
            chances = (first, second.get(own[0]) if own else None, {5: 1.0})[len(own)]
            return torch.tensor([chances.get(token, 1e-9) for token in range(6)]).log()

        def keep(self, rows):
            self.written = [self.written[row] for row in rows.tolist()]

    model = SimpleNamespace(start=0, end=5, pad=0, writing=lambda seen: Table())
    assert beam.decode(model, torch.zeros(1), Settings("beam", 2, 1, 4)).tolist() == [[0, 2, 3, 5]]
    assert beam.decode(model, torch.zeros(1), Settings("beam", 1, 1, 4)).tolist()[0][1] == 1
