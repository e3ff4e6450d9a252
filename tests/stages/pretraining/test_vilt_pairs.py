"""Pictures with sentences: mismatches, what is hidden, and the losses beside a slow reference."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from transformers import ViltModel

from stages.losses.masked_words import masked
from stages.pretraining import vilt, vilt_pairs, vilt_words
from stages.pretraining.corpus import augmented, drawn
from stages.world.corpus import kinds
from tests.stages.pretraining.vilt_lesson import SMALL, Teacher

ROWS = torch.arange(0, 40, 5)


@pytest.fixture(scope="module")
def lesson():
    plan = kinds(1, 0, 30)
    pictures, captions = drawn(plan, 2, 0, 1)
    words = vilt_words.word_pieces(captions, 400)
    tokens = vilt_words.tokens_of(captions, words).unflatten(0, (88, 2))
    seen = Teacher().embed_pictures(pictures)
    return vilt_pairs.Corpus(pictures, captions, tokens, words, seen, vilt.groups_of(plan)), Teacher()


@pytest.fixture
def task(lesson, monkeypatch):
    monkeypatch.setattr(vilt, "digest", lambda path: "of the tiny CLIP")
    return vilt.phases(SMALL, *lesson)[1]


def test_another_picture_is_of_another_group_and_alike_ones_are_likelier():
    alike = torch.tensor([[1.0, 0.9, 0.8, 0.2], [0.9, 1, 0.8, 0.2], [0.8, 0.8, 1, 0.5], [0.2, 0.2, 0.5, 1]])
    groups, chance = torch.tensor([0, 0, 1, 2]), torch.Generator().manual_seed(0)
    drawn = torch.stack([vilt_pairs.others_of(alike, groups, 0.3, chance) for _ in range(2000)])
    assert set(drawn[:, 0].tolist()) == set(drawn[:, 1].tolist()) == {2, 3}
    odds = (drawn[:, 0] == 2).float().mean().item()
    assert odds == pytest.approx(1 / (1 + torch.tensor(-0.6 / 0.3).exp().item()), abs=0.03)  # softmax of 0.8, 0.2


def test_mismatches_harden_from_any_picture_to_alike_ones(task, monkeypatch):
    given = []
    monkeypatch.setattr(vilt_pairs, "others_of", lambda alike, *_: given.append(alike) or torch.arange(8))
    seen, tokens = task.corpus.seen[ROWS], task.corpus.tokens[ROWS, 0].long()
    for step in (0, 500, 1000, 3000):
        task._asked(step, tokens, ROWS, torch.Generator().manual_seed(0))
    for alike, part in zip(given, (0, 0.5, 1, 1), strict=True):
        torch.testing.assert_close(alike, seen @ seen.T * part)


def test_texts_are_hidden_in_full_in_part_or_not_at_all(task):
    rows = torch.arange(88).repeat(20)
    tokens = task.corpus.tokens[rows, 0].long()
    task = replace(task, settings=replace(task.settings, mismatched=800))
    asked = task._asked(2000, tokens, rows, torch.Generator().manual_seed(0))
    n, is_word = len(rows), ~vilt_words.vocabulary_of(task.corpus.words).special[asked.tokens]
    hidden = (asked.wanted >= 0).sum(1) / is_word.sum(1)
    in_full = (hidden == 1)[:n]
    assert (~asked.is_readable[:n] <= in_full).all() and asked.is_readable[n:].all()
    assert (~asked.is_readable[:n]).float().mean().item() == pytest.approx(0.3, abs=0.04)
    assert (hidden[:n] == 0).float().mean().item() == pytest.approx(0.25, abs=0.04)
    assert not (asked.wanted[n:] >= 0).any()
    whole = (asked.shown == asked.tokens).all(1)[n:].float().mean().item()
    assert 0.5 - 0.05 < whole < 0.5 + 0.1  # a hidden word may be shown as it is


def slow_losses(task, step, rows, chance):
    """The same, pair by pair through transformers' own model."""
    network, corpus, settings, n = task.network, task.corpus, task.settings, len(rows)
    reference = ViltModel(network.config).eval()
    reference.load_state_dict(network.vilt.state_dict())
    which = torch.randint(2, (n,), generator=chance)
    tokens = corpus.tokens[rows, which].long()
    tokens = tokens[:, : int((tokens != 0).sum(1).max())]
    images = augmented(corpus.pictures[rows], chance, 0.5, 0.5)
    seen = corpus.seen[rows]
    other = vilt_pairs.others_of(seen @ seen.T * step / 1000, corpus.groups[rows], settings.hard, chance)
    both = torch.cat([tokens, tokens[other[:4]]])
    rates = []
    for pair, one in enumerate(torch.rand(12, generator=chance).tolist()):
        whole = 0.25 if pair < n else 0.5
        rates.append(0.0 if one < whole else 1.0 if pair < n and one >= 0.7 else 0.3)
    shown, wanted = masked(both, vilt_words.vocabulary_of(corpus.words), torch.tensor(rates), chance)
    last = [read(reference, images[pair % n], shown[pair][both[pair] != 0]) for pair in range(12)]
    matching, words, sights, apart = [], [], [], []
    readable = [pair for pair in range(12) if rates[pair] < 1]
    for pair in range(12):
        length, own = int((both[pair] != 0).sum()), pair % n
        if pair in readable:
            logits = network.itm_score["fc"](network.vilt.pooler(last[pair]))
            weight = 1 if pair < n else (len(readable) - 4) / 4
            matching.append((weight, weight * F.cross_entropy(logits, torch.tensor([int(pair < n)]))))
        for place in range(length):
            if pair < n and wanted[pair, place] >= 0:
                words.append(F.cross_entropy(network.mlm_score(last[pair][0, place]), wanted[pair, place]))
        look = F.normalize(network.seen(last[pair][0, length]), dim=0)
        sights.append(1 - look @ seen[own])
        apart.append(F.cross_entropy(20 * look @ seen.T, torch.tensor(own)))
    captions = [corpus.captions[2 * row + one] for row, one in zip(rows.tolist(), which.tolist(), strict=True)]
    said = [speak(network, tokens[one][tokens[one] != 0]) for one in range(n)]
    told = task.teacher.embed_texts(captions)
    assert len(set(captions)) == n  # else some are right for several
    ways = (20 * torch.stack(said) @ told.T, 20 * told @ torch.stack(said).T)
    return {
        "matching": sum(value for _, value in matching) / sum(weight for weight, _ in matching),
        "masked": torch.stack(words).mean(),
        "seen": torch.stack(sights).mean(),
        "seen_apart": torch.stack(apart).mean(),
        "said": torch.stack([1 - said[one] @ told[one] for one in range(n)]).mean(),
        "said_apart": sum(F.cross_entropy(way, torch.arange(n)) for way in ways) / 2,
    }


def read(reference, image, tokens):
    """Last states of one pair, [1, L + 37, 128]."""
    patches = reference.embeddings.patch_embeddings(image[None]).flatten(2).transpose(1, 2)
    states = torch.cat([reference.embeddings.cls_token, patches], 1) + reference.embeddings.position_embeddings
    mask = torch.ones(1, 37, dtype=torch.long)
    told = {"input_ids": tokens[None], "attention_mask": torch.ones_like(tokens)[None]}
    return reference(**told, image_embeds=states, pixel_mask=mask).last_hidden_state


def speak(network, tokens):
    """What the head `said` makes of one text alone, through transformers' own layers."""
    states = network.text_states(tokens[None])
    for layer in network.vilt.encoder.layer:
        found = layer(states)
        states = found[0] if isinstance(found, tuple) else found
    return F.normalize(network.said(network.vilt.layernorm(states)[0, 0]), dim=0)


@pytest.mark.parametrize("step", [0, 600])
def test_the_losses_equal_those_of_a_slow_reference(task, step):
    loss, shown = task.losses(step, ROWS, torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = slow_losses(task, step, ROWS, torch.Generator().manual_seed(3))
    assert shown.keys() == expected.keys()
    for name, value in expected.items():
        assert shown[name].item() == pytest.approx(value.item(), abs=1e-5), name
    matching, hidden, seen, seen_apart, said, said_apart = expected.values()
    total = 2 * matching + hidden + seen + seen_apart / 2 + said / 2 + said_apart / 4
    assert loss.item() == pytest.approx(total.item(), abs=1e-4)


def test_heads_that_know_nothing_lose_what_chance_loses(task):
    torch.nn.init.zeros_(task.network.itm_score["fc"].weight)
    torch.nn.init.zeros_(task.network.itm_score["fc"].bias)
    _, shown = task.losses(0, ROWS, torch.Generator().manual_seed(0))
    assert shown["matching"].item() == pytest.approx(math.log(2), abs=1e-6)
