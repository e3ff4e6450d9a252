"""Image-text matching: its pairs worked by hand, its loss, and that the model learns to tell right from wrong."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from stages.common.adam import Adam
from stages.common.failures import UserError
from stages.common.training import batches
from stages.recipes.matching import Pairs, Settings, matching_loss, pairs_of, teach
from tests.stages.recipes.lessons import dice, fresh, lesson, noise, without_replay

CAPTIONS = ["a", "a", "b", "c"]


def plain(images=4, replayed=2, captions=CAPTIONS):
    """A lesson whose image number i is everywhere i; replayed ones count on."""
    flat = torch.arange(images + replayed).float()[:, None, None, None].expand(-1, 3, 2, 2)
    return replace(
        lesson(), images=flat[:images], captions=captions, replay=flat[images:], known_captions=["known", "known too"]
    )


def numbers(pairs):
    """[(number of the image, its text)] of pairs."""
    return list(zip(pairs.images[:, 0, 0, 0].int().tolist(), pairs.texts, strict=True))


def many(taught, rows, settings, n=60):
    """Numbers of the pairs of a batch, drawn n times."""
    generator = dice()
    return [numbers(pairs_of(taught, rows, settings, generator)) for _ in range(n)]


def test_each_image_comes_with_its_caption_then_with_a_wrong_one_then_its_caption_with_a_wrong_image():
    """Rows 0 and 2 are of two concepts: each is the other's only wrong one within the batch."""
    assert many(plain(), [0, 2], Settings(negatives="taught"), 1) == [
        [(0, "a"), (2, "b"), (0, "b"), (2, "a"), (2, "a"), (0, "b")]
    ]


def test_a_batch_of_one_concept_takes_wrong_ones_from_the_rest_of_the_lesson():
    drawn = many(plain(), [0, 1], Settings(negatives="taught"))
    assert all(pairs[:2] == [(0, "a"), (1, "a")] for pairs in drawn)
    assert {pair for pairs in drawn for pair in pairs[2:4]} == {(0, "b"), (0, "c"), (1, "b"), (1, "c")}
    assert {pair for pairs in drawn for pair in pairs[4:]} == {(2, "a"), (3, "a")}


def test_a_concept_of_the_batch_is_preferred_to_others_of_the_lesson():
    drawn = many(plain(), [0, 3], Settings(negatives="taught"))
    assert {pair for pairs in drawn for pair in pairs[2:]} == {(0, "c"), (3, "a"), (0, "c"), (3, "a")}


def test_the_known_alone_are_known_captions_and_replayed_images():
    drawn = many(plain(), [0, 2], Settings(negatives="known"))
    assert {text for pairs in drawn for _, text in pairs[2:4]} == {"known", "known too"}
    assert {pair for pairs in drawn for pair in pairs[4:]} == {(4, "a"), (5, "a"), (4, "b"), (5, "b")}


def test_with_all_the_known_are_taken_as_often_as_other_concepts():
    captions = ["a", *"bcdefghijk"]
    drawn = many(plain(images=11, captions=captions), range(11), Settings(), 200)
    wrong = [text for pairs in drawn for _, text in pairs[11:22]]
    assert sum(text.startswith("known") for text in wrong) / len(wrong) == pytest.approx(0.5, abs=0.05)
    shown = [image for pairs in drawn for image, _ in pairs[22:]]
    assert sum(image >= 11 for image in shown) / len(shown) == pytest.approx(0.5, abs=0.05)


def test_a_concept_taught_alone_has_the_known_classes_as_its_wrong_ones():
    drawn = many(plain(captions=["a"] * 4), [0, 1], Settings())
    assert {text for pairs in drawn for _, text in pairs[2:4]} == {"known", "known too"}
    assert {pair for pairs in drawn for pair in pairs[4:]} == {(4, "a"), (5, "a")}


def test_where_no_wrong_image_is_to_be_had_captions_alone_are_wrong():
    (pairs,) = many(without_replay(plain(captions=["a"] * 4)), [0, 1], Settings(), 1)
    assert len(pairs) == 4
    assert [image for image, _ in pairs] == [0, 1, 0, 1]


def test_without_any_wrong_caption_it_is_told_what_to_write():
    with pytest.raises(UserError, match=r"negatives 'taught', but no other concept.*Write all or known"):
        pairs_of(plain(captions=["a"] * 4), [0], Settings(negatives="taught"), dice())


def test_the_loss_by_hand_weighs_matches_as_much_as_mismatches():
    """Matches with a chance of 1/2 and 3/4, a mismatch with one of 1/4 to be right: (log 2 + log 4/3) / 2 and log 4."""

    class Fixed:
        def matching_logits(self, images, texts):
            return torch.tensor([[0.0, 0.0], [0.0, math.log(3)], [0.0, math.log(3)]])

    found = matching_loss(Fixed(), Pairs(torch.zeros(3, 3, 2, 2), ["a", "b", "c"], 2))
    assert found.item() == pytest.approx(((math.log(2) + math.log(4 / 3)) / 2 + math.log(4)) / 2)


@pytest.fixture
def new(tiny_models):
    """A maker of untouched models."""
    return lambda: fresh(tiny_models["vilt", "b32"], "vilt")


def test_it_agrees_with_a_plain_loop(new):
    settings, taught, ours, theirs = Settings(epochs=2), lesson(each=3), new(), new()
    trained = teach(ours, taught, settings, dice(), learning_rate=1e-4)
    parameters, generator = list(theirs.parameters_of("visual_encoder").values()), dice()
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = Adam(parameters, betas=(0.9, 0.98), weight_decay=0.01)
    for rows in batches(6, 4, 2, generator):
        pairs = pairs_of(taught, rows.tolist(), settings, generator)
        losses = [[], []]
        for place, (image, text) in enumerate(zip(pairs.images, pairs.texts, strict=True)):
            is_match = int(place < len(rows))
            logits = theirs.matching_logits(image[None], [text])
            losses[is_match].append(F.cross_entropy(logits, torch.tensor([is_match])))
        loss = sum(torch.stack(part).mean() for part in losses) / 2
        optimizer.step(torch.autograd.grad(loss, parameters, allow_unused=True), 1e-4)
    for name, value in theirs.state(list(trained)).items():
        torch.testing.assert_close(trained[name], value, atol=2e-5, rtol=0)


def test_matches_and_mismatches_come_apart(new):
    model, taught = new(), lesson(each=2)
    names = list(dict.fromkeys(taught.captions))
    teach(model, taught, Settings(epochs=30), dice(), learning_rate=1e-3)
    odds = model.similarity(taught.images, [*names, *taught.known_captions])
    right = torch.tensor([names.index(caption) for caption in taught.captions])
    assert (odds.gather(1, right[:, None]) > 0).all()
    assert (odds.scatter(1, right[:, None], -1.0) < 0).all()
    assert (model.similarity(taught.replay, names) < 0).all()


def test_words_are_guessed_as_before_up_to_what_the_encoder_has_learned(new):
    before = new()
    trained = teach(new(), lesson(), Settings(), dice(), learning_rate=1e-3)
    untouched = before.state(list(trained))
    same = {name for name in trained if torch.equal(trained[name], untouched[name])}
    assert {name for name in trained if name.startswith("mlm_score.")} == same


def test_replayed_images_and_known_captions_are_not_looked_at_where_the_taught_alone_are_wrong(new):
    taught = lesson()
    other = replace(taught, replay=noise(3, 9), known_captions=["A tree is green"] * 3)
    settings = Settings(negatives="taught")
    first, second = (teach(new(), one, settings, dice(), learning_rate=1e-3) for one in (taught, other))
    assert all(torch.equal(first[name], second[name]) for name in first)
