"""published: the search of open_clip 3.3.0, six beams in three groups, written here as slowly as it is described."""

import pytest
import torch

from stages.common.decoding import Settings
from stages.decoders import published
from tests.stages.decoders.sentences import images, next_scores, rows, writer


class Group:
    """Two beams of one group, with the hypotheses that it has finished."""

    def __init__(self, start, width):
        self.width = width
        self.beams = [(0.0 if place == 0 else -1e9, [start]) for place in range(width)]
        self.finished, self.is_done = [], False

    def add(self, total, tokens, length):
        score = total / length
        if len(self.finished) < self.width or score > min(self.finished)[0]:
            self.finished.append((score, tokens))
            if len(self.finished) > self.width:
                self.finished.remove(min(self.finished))

    def step(self, scores_of, end, min_length):
        length = len(self.beams[0][1])
        candidates = []
        for total, tokens in self.beams:
            scores = scores_of(tokens).clone()
            if length < min_length:
                scores[end] = -torch.inf
            best = (scores + total).topk(2 * self.width)
            candidates += [(*one, tokens) for one in zip(best.values.tolist(), best.indices.tolist(), strict=True)]
        candidates = sorted(candidates, key=lambda one: -one[0])[: 2 * self.width]
        if self.is_done:
            return
        following = []
        for rank, (total, token, tokens) in enumerate(candidates):
            if token == end:
                if rank < self.width:
                    self.add(total, [*tokens, end], length + 1)
            else:
                following.append((total, [*tokens, token]))
            if len(following) == self.width:
                break
        self.beams = following
        if len(self.finished) == self.width:
            self.is_done = min(self.finished)[0] >= candidates[0][0] / (length + 1)


def slowly(model, image, settings, groups=3):
    """The best of the hypotheses of all groups, which is what open_clip gives out."""
    known = {}

    def scores_of(tokens):
        if tuple(tokens) not in known:
            known[tuple(tokens)] = next_scores(model, image, tokens)
        return known[tuple(tokens)]

    searches = [Group(model.start, settings.beams // groups) for _ in range(groups)]
    for _ in range(settings.max_length - 1):
        for group in searches:
            group.step(scores_of, model.end, settings.min_length)
        if all(group.is_done for group in searches):
            break
    for group in searches:
        if not group.is_done:
            for total, tokens in group.beams:
                group.add(total, tokens, len(tokens))
    assert searches[0].finished == searches[1].finished == searches[2].finished  # nothing tells the groups apart
    return max((found for group in searches for found in group.finished), key=lambda found: found[0])[1]


@pytest.mark.parametrize(
    ("beams", "min_length", "max_length", "eager"), [(6, 5, 16, 4.0), (6, 5, 12, 9.0), (9, 2, 9, 6.0), (3, 5, 8, 9.0)]
)
def test_sentences_are_those_of_the_slow_search(tiny_models, beams, min_length, max_length, eager):
    model = writer(tiny_models["coca", "pooled"], eager=eager)
    settings = Settings("published", beams, min_length, max_length)
    expected = [slowly(model, image, settings) for image in images()]
    found = rows(published.decode(model, model.seen(images()), settings), model)
    assert found == expected


def test_some_of_its_sentences_end_early_and_others_are_cut(tiny_models):
    model = writer(tiny_models["coca", "pooled"], eager=9.0)
    settings = Settings("published", 6, 5, 12)
    found = rows(published.decode(model, model.seen(images()), settings), model)
    assert any(row[-1] == model.end for row in found) and len({len(row) for row in found}) > 1
