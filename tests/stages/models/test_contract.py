"""Every family keeps the promises of stages/models/contract.py; a new file is held to them the moment it exists."""

import math

import pytest
import torch

from stages.common import known_texts, lookup
from stages.common.failures import UserError
from stages.common.parts import PARTS
from tests.stages.models.tiny import CASES, run_for

TEXTS = ["a photo of a cat", "a photo of two dogs on a long grey street"]


def of_kind(kind):
    """The cases of CASES whose family's ENCODERS is this word."""
    return [case for case in CASES if lookup.constant("stages.models", case[0], "ENCODERS") == kind]


def loader(case, tiny_models):
    module = lookup.find("stages.models", case[0], "a test")
    return lambda: module.load(run_for(tiny_models[case], case[0]))


@pytest.fixture(params=list(CASES), ids="-".join)
def load(request, tiny_models):
    return loader(request.param, tiny_models)


@pytest.fixture
def model(load):
    return load()


@pytest.fixture(params=of_kind("two"), ids="-".join)
def load_two(request, tiny_models):
    return loader(request.param, tiny_models)


@pytest.fixture
def two(load_two):
    """A model of two encoders."""
    return load_two()


@pytest.fixture(params=of_kind("joint"), ids="-".join)
def joint(request, tiny_models):
    """A model of one joint encoder."""
    return loader(request.param, tiny_models)()


@pytest.fixture(params=[case for case in CASES if lookup.constant("stages.models", case[0], "DECODES")], ids="-".join)
def captioner(request, tiny_models):
    """A model that writes sentences."""
    return loader(request.param, tiny_models)()


def parts_of(model):
    """Those of PARTS that a model has; all have all but a decoder."""
    return [part for part in PARTS if part != "decoder" or hasattr(model, "writing")]


@pytest.fixture
def images():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_every_family_of_the_folder_has_a_tiny_model():
    families = lookup.names("stages.models")
    assert "clip" in families
    assert {family for family, _ in CASES} == set(families)
    assert {*of_kind("two"), *of_kind("joint")} == set(CASES)


def test_the_fit_ends_at_the_size_of_the_model(model):
    assert model.fit.size == model.whole.size == model.image_size == 32


def test_images_of_any_shape_are_taken(model):
    images = torch.rand(2, 3, 20, 50)
    assert model.similarity(images, TEXTS).shape == (2, 2)
    assert model.inversion_loss(images, model.inversion_target(TEXTS)).shape == (2,)


def test_embeddings_are_of_unit_norm(two, images):
    for embedded, count in ((two.embed_images(images), 3), (two.embed_texts(TEXTS), 2)):
        assert embedded.shape[0] == count
        assert embedded.dtype == torch.float32
        torch.testing.assert_close(embedded.norm(dim=1), torch.ones(count))


def test_different_images_and_texts_embed_differently(two, images):
    assert (two.embed_images(images)[0] - two.embed_images(images)[1]).abs().max() > 1e-3
    assert (two.embed_texts(TEXTS)[0] - two.embed_texts(TEXTS)[1]).abs().max() > 1e-3


def test_image_embeddings_do_not_depend_on_the_batch(two, images):
    torch.testing.assert_close(two.embed_images(images)[1:2], two.embed_images(images[1:2]), atol=1e-5, rtol=0)


def test_text_embeddings_are_the_same_bytes_beside_other_texts(load_two):
    assert torch.equal(load_two().embed_texts(TEXTS)[1], load_two().embed_texts([TEXTS[1]])[0])


def test_pairs_are_scored_differently_and_apart_from_their_neighbours(joint, images):
    texts = [*TEXTS, "a cat", "left lung"]
    scores = joint.scores(joint.image_tokens(images), texts)
    assert scores.shape == (3, 4)
    assert (scores - scores.mean(dim=0)).abs().max() > 1e-2 and (scores.T - scores.mean(dim=1)).abs().max() > 1e-2
    alone = [[joint.scores(joint.image_tokens(image[None]), [text]) for text in texts] for image in images]
    torch.testing.assert_close(torch.stack([torch.cat(row, dim=1)[0] for row in alone]), scores, atol=1e-5, rtol=0)


def test_a_score_is_the_log_odds_of_the_matching_logits_of_that_pair(joint, images):
    logits = joint.matching_logits(images[:2], TEXTS)  # of two lengths, so that one is padded
    assert logits.shape == (2, 2)
    odds = logits.softmax(dim=1).logit()[:, 1]
    torch.testing.assert_close(joint.scores(joint.image_tokens(images[:2]), TEXTS).diagonal(), odds, atol=1e-4, rtol=0)


def test_an_encoder_cut_in_two_embeds_as_it_does_in_one(two, images):
    """At every place where the parts of a model let it be cut; 0 is the image itself."""
    places = {two.blocks_below(two.parameters_of(part)) for part in parts_of(two)}
    assert 0 in places
    for blocks in places:
        activations = two.below(images, blocks)
        assert (activations is images) == (blocks == 0)
        assert torch.equal(two.embed_above(activations, blocks), two.embed_images(images))


def test_blocks_give_activations_of_every_image_in_order_from_the_lowest(two, images):
    """Tokens [B, L, D] of a square of patches, class tokens first, or maps [B, D, h, w]; of a tuple the first."""
    given = []
    handles = [
        block.register_forward_hook(lambda module, taken, found, own=number: given.append((own, found)))
        for number, block in enumerate(two.blocks)
    ]
    embedded = two.embed_images(images)
    for handle in handles:
        handle.remove()
    assert len(two.blocks) > 1 and [own for own, _ in given] == list(range(len(two.blocks)))
    for _, found in given:
        activations = found if isinstance(found, torch.Tensor) else found[0]
        assert len(activations) == 3 and activations.ndim in (3, 4) and activations.isfinite().all()
        if activations.ndim == 4:
            assert activations.shape[2] == activations.shape[3]
        else:
            assert activations.shape[1] - math.isqrt(activations.shape[1]) ** 2 in (0, 1)  # a class token, or none
    assert torch.equal(two.embed_images(images), embedded)


def test_what_a_block_gives_decides_the_embedding_whatever_lies_below_it(two, images):
    """Replaced by what it gives for other images, as many as you like, it embeds those."""
    for block in two.blocks:
        kept = []
        handle = block.register_forward_hook(lambda module, taken, found, kept=kept: kept.append(found))
        expected = two.embed_images(images)
        handle.remove()
        handle = block.register_forward_hook(lambda module, taken, found, kept=kept: kept[0])
        replaced = two.embed_images(images.flip(0)[:1])
        handle.remove()
        torch.testing.assert_close(replaced, expected, atol=1e-6, rtol=0)


def test_what_lies_below_the_moved_parameters_stays_as_it_was(two, images):
    for part in parts_of(two):
        parameters = two.parameters_of(part)
        blocks = two.blocks_below(parameters)
        before, whole = two.below(images, blocks), two.embed_images(images)
        with torch.no_grad():
            for parameter in parameters.values():
                parameter.mul_(1.1)
        assert torch.equal(two.below(images, blocks), before)
        assert torch.equal(two.embed_images(images), whole) == (part in ("text_encoder", "decoder"))


def test_the_higher_a_part_lies_the_more_is_below_it(model):
    order = [model.blocks_below(model.parameters_of(part)) for part in ("visual_encoder", "last_stage", "head")]
    assert order[0] == 0 and order == sorted(order)
    assert model.blocks_below(model.parameters_of("both")) == 0


def test_pairs_have_in_each_of_several_states_the_scores_of_a_model_that_holds_it(joint, images):
    state, texts = joint.state(list(joint.parameters_of("last_stage"))), [*TEXTS, "a lung", *TEXTS[:1]]
    states = [{name: value * by for name, value in state.items()} for by in (1.0, 1.05, 0.95)]
    with torch.no_grad():
        joint.load_state(state)
        tokens = joint.image_tokens(images)
        found = joint.scores_of_each(tokens, texts, states)
        assert found.shape == (3, 3, 4)
        for own, scores in zip(states, found, strict=True):
            joint.load_state(own)
            assert torch.equal(scores, joint.scores(tokens, texts))
    assert (found[0] - found[1]).abs().max() > 1e-4


def test_what_a_joint_encoder_is_inverted_by_is_the_probability_of_a_match(joint, images):
    loss = joint.inversion_loss(images[:2], joint.inversion_target(TEXTS))
    expected = joint.matching_logits(images[:2], TEXTS).softmax(dim=1)[:, 1]
    torch.testing.assert_close(joint.inversion_similarity(loss), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(loss, -expected.log(), atol=1e-4, rtol=0)


def test_scores_are_differentiable_in_pixels(joint, images):
    images.requires_grad_(True)
    joint.scores(joint.image_tokens(images), TEXTS).sum().backward()
    assert all(image.abs().sum() > 0 for image in images.grad)


def test_tokens_are_padded_by_0_and_stand_for_entries_of_the_vocabulary(joint):
    tokens = joint.tokens_of(TEXTS)
    assert tokens.dtype == torch.int64
    assert (tokens != 0).sum(dim=1).tolist() == [joint.token_count(text) for text in TEXTS]
    assert not tokens[0, joint.token_count(TEXTS[0]) :].any()
    special, continues = joint.vocabulary.special, joint.vocabulary.continues
    assert special.shape == continues.shape and tokens.max() < len(special)
    assert special[0] and special[joint.vocabulary.mask] and special[tokens[:, 0]].all()
    assert not (special & continues).any()
    assert joint.tokens_of(["word " * 200]).shape == (1, joint.context_length)


def test_words_are_guessed_at_each_place_whatever_stands_beside(joint, images):
    tokens = joint.tokens_of(TEXTS)
    guesses = joint.masked_logits(images[:2], tokens)
    assert guesses.shape == (*tokens.shape, len(joint.vocabulary.special))
    length = joint.token_count(TEXTS[0])
    alone = joint.masked_logits(images[:1], joint.tokens_of(TEXTS[:1]))
    torch.testing.assert_close(guesses[:1, :length], alone, atol=1e-4, rtol=0)
    assert (joint.masked_logits(images[1:2], tokens[:1]) - guesses[:1]).abs().max() > 1e-2


def test_gradient_reaches_every_image_through_the_inversion_loss(model, images):
    images.requires_grad_(True)
    loss = model.inversion_loss(images, model.inversion_target(TEXTS[:1]))
    assert loss.shape == (3,)
    assert bool((loss >= 0).all())
    loss.sum().backward()
    assert all(image.abs().sum() > 0 for image in images.grad)


def test_one_target_serves_all_images_as_a_target_each_does(model, images):
    target = model.inversion_target(TEXTS[:1])
    torch.testing.assert_close(
        model.inversion_loss(images, target), model.inversion_loss(images, target.repeat(3, 1)), atol=1e-6, rtol=0
    )


def test_inversion_target_carries_no_gradient(model):
    assert not model.inversion_target(TEXTS).requires_grad


def test_what_a_curve_shows_is_1_without_a_loss_and_falls_with_it(model):
    shown = model.inversion_similarity(torch.tensor([0.0, 0.5, 1.0]))
    assert shown[0] == 1
    assert shown[0] > shown[1] > shown[2]


def test_logits_and_similarity_rank_alike(model, images):
    logits, similarity = model.finetuning_logits(images, TEXTS), model.similarity(images, TEXTS)
    assert logits.shape == similarity.shape == (3, 2)
    assert not similarity.requires_grad
    assert torch.equal(logits.argsort(dim=1), similarity.argsort(dim=1))


def test_a_class_of_one_prompt_has_the_bytes_of_its_embedding(two):
    rows = two.embed_classes([TEXTS[0], [TEXTS[1]], (TEXTS[0],)])
    assert torch.equal(rows, two.embed_texts([TEXTS[0], TEXTS[1], TEXTS[0]]))


def test_the_row_of_an_ensemble_points_where_the_mean_of_its_embeddings_does(two):
    (row,) = two.embed_classes([TEXTS])
    mean = two.embed_texts(TEXTS).mean(dim=0)
    torch.testing.assert_close(row / row.norm(), mean / mean.norm(), atol=1e-6, rtol=0)


def test_similarity_of_an_ensemble_is_the_embedding_times_its_row(two, images):
    classes = [TEXTS[0], TEXTS]
    expected = two.embed_images(images) @ two.embed_classes(classes).T
    torch.testing.assert_close(two.similarity(images, classes), expected, atol=1e-6, rtol=0)
    logits = two.finetuning_logits(images, classes)
    torch.testing.assert_close(logits / logits[0, 0] * expected[0, 0], expected, atol=1e-5, rtol=0)


def test_a_joint_encoders_score_of_an_ensemble_is_the_mean_of_its_prompts(joint, images):
    each = joint.similarity(images, TEXTS)
    expected = torch.stack([each[:, 0], each.mean(dim=1)], dim=1)
    torch.testing.assert_close(joint.similarity(images, [TEXTS[0], TEXTS]), expected, atol=1e-5, rtol=0)


def test_similarity_of_many_images_is_that_of_each(model):
    many = torch.rand(70, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    alone = torch.cat([model.similarity(image[None], TEXTS) for image in many[62:68]])
    torch.testing.assert_close(model.similarity(many, TEXTS)[62:68], alone, atol=1e-5, rtol=0)


def test_texts_asked_for_in_inference_mode_serve_a_later_backward_pass(model, images):
    model.similarity(images, TEXTS)
    images.requires_grad_(True)
    model.finetuning_logits(images, TEXTS).sum().backward()
    assert images.grad.abs().sum() > 0


def test_nothing_requires_a_gradient_after_loading(model):
    assert not any(parameter.requires_grad for parameter in model.parameters_of("both").values())


def test_training_the_visual_encoder_leaves_the_text_encoder_alone(model, images):
    visual, text = model.parameters_of("visual_encoder"), model.parameters_of("text_encoder")
    for parameter in visual.values():
        parameter.requires_grad_(True)
    model.finetuning_logits(images, TEXTS).sum().backward()
    assert any(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in visual.values())
    assert all(parameter.grad is None for parameter in text.values())


def test_training_the_text_encoder_changes_how_known_texts_are_seen(model, images):
    before, text = model.similarity(images, TEXTS), model.parameters_of("text_encoder")
    for parameter in text.values():
        parameter.requires_grad_(True)
    model.finetuning_logits(images, TEXTS)[:, 0].sum().backward()
    with torch.no_grad():
        for parameter in text.values():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad)
            parameter.requires_grad_(False)
    assert (model.similarity(images, TEXTS) - before).abs().max() > 1e-4


@pytest.fixture
def trainable(two):
    """A model of two encoders, and the parameters of its text encoder, which are to be trained."""
    parameters = list(two.parameters_of("text_encoder").values())
    for parameter in parameters:
        parameter.requires_grad_(True)
    return two, parameters


def loss_and_gradients(model, parameters, images, texts):
    loss = model.finetuning_logits(images, texts).softmax(dim=1)[:, 0].sum()
    return [loss, *torch.autograd.grad(loss, parameters, allow_unused=True)]


def test_many_texts_in_chunks_give_the_loss_and_the_gradient_that_they_give_at_once(trainable, images, monkeypatch):
    texts = [f"a photo of {number} dogs on a street" for number in range(7)]
    at_once = loss_and_gradients(*trainable, images, texts)
    monkeypatch.setattr(known_texts, "CHUNK", 3)
    in_chunks = loss_and_gradients(*trainable, images, texts)
    assert sum(gradient is not None and bool(gradient.any()) for gradient in at_once[1:]) > 5
    for first, second in zip(at_once, in_chunks, strict=True):
        assert (first is None) == (second is None)
        if first is not None:
            torch.testing.assert_close(first, second, atol=1e-5 * max(1, first.abs().max().item()), rtol=1e-4)


def test_texts_of_one_chunk_are_encoded_once(trainable, images, monkeypatch):
    monkeypatch.setattr(known_texts, "checkpoint", None)
    assert loss_and_gradients(*trainable, images, TEXTS * (known_texts.CHUNK // 2))[0].isfinite()


def test_parts_are_disjoint_and_nested_as_named(model):
    parts = {part: set(model.parameters_of(part)) for part in parts_of(model)}
    assert all(parts.values())
    assert not parts["visual_encoder"] & parts["text_encoder"]
    assert not parts["both"] & parts.get("decoder", set())
    assert parts["both"] == parts["visual_encoder"] | parts["text_encoder"]
    assert parts["head"] < parts["last_stage"] < parts["visual_encoder"]


def test_an_unknown_part_is_an_error_with_the_nearest_one(model):
    with pytest.raises(UserError, match="Did you mean 'visual_encoder'"):
        model.parameters_of("visual_encodr")


def test_a_decoder_is_told_to_be_missing_where_there_is_none(load, request):
    model, (family, _) = load(), request.node.callspec.params["load"]
    assert hasattr(model, "writing") == lookup.constant("stages.models", family, "DECODES")
    if not hasattr(model, "writing"):
        with pytest.raises(UserError, match="decoder: this architecture has none. It has: visual_encoder, "):
            model.parameters_of("decoder")


def test_state_of_a_changed_model_makes_a_fresh_one_equal(load, images):
    changed, fresh = load(), load()
    names = list(changed.parameters_of("both"))
    with torch.no_grad():
        for parameter in changed.parameters_of("both").values():
            parameter.mul_(1.1)
    fresh.similarity(images, TEXTS)  # what is kept of texts must not outlive load_state
    fresh.load_state(changed.state(names))
    torch.testing.assert_close(fresh.similarity(images, TEXTS), changed.similarity(images, TEXTS))
    assert (load().similarity(images, TEXTS) - fresh.similarity(images, TEXTS)).abs().max() > 1e-5


def test_state_is_a_copy(model):
    name = next(iter(model.parameters_of("visual_encoder")))
    kept = model.state([name])
    with torch.no_grad():
        model.parameters_of("visual_encoder")[name].add_(1)
    assert not torch.equal(kept[name], model.state([name])[name])


@pytest.mark.parametrize("state", [{"visual.nothing": torch.zeros(1)}, {"logit_scale": torch.zeros(7)}])
def test_a_state_of_another_model_is_refused_before_anything_is_changed(model, state):
    name = next(iter(model.parameters_of("visual_encoder")))
    before = model.state([name])
    with pytest.raises(UserError, match="of another model"):
        model.load_state({name: before[name] + 1, **state})
    assert torch.equal(model.state([name])[name], before[name])


def test_a_saved_folder_loads_with_the_same_tensors_and_answers(load, images, request, tmp_path):
    model, (family, _) = load(), request.node.callspec.params["load"]
    with torch.no_grad():
        next(iter(model.parameters_of("head").values())).add_(0.1)
    module = lookup.find("stages.models", family, "a test")
    module.save(model, tmp_path)
    again = module.load(run_for(tmp_path, family))
    before = model.state(list(model.parameters_of("both")))
    after = again.state(list(before))
    assert all(torch.equal(after[name], value) for name, value in before.items())
    classes = [TEXTS[0], TEXTS]
    torch.testing.assert_close(again.similarity(images, classes), model.similarity(images, classes))
    assert (again.fit, again.whole) == (model.fit, model.whole)
    assert again.token_count(TEXTS[1]) == model.token_count(TEXTS[1])


def test_the_way_to_load_an_export_names_its_folder():
    for family in lookup.names("stages.models"):
        module = lookup.find("stages.models", family, "a test")
        assert "FOLDER" in module.LOADING
        assert module.LIBRARY


def test_token_count_grows_with_the_text_and_counts_start_and_end(model):
    assert 2 < model.token_count("a") < model.token_count("a cat on a mat") <= model.context_length
    assert model.token_count("word " * 200) > model.context_length


def test_tokens_of_a_caption_stand_between_start_and_end_and_are_cut_to_the_longest(captioner):
    tokens = captioner.caption_tokens(TEXTS)
    longest = captioner.token_count(TEXTS[1])
    assert tokens.shape == (2, longest) and captioner.token_count(TEXTS[0]) < longest
    assert tokens[:, 0].tolist() == [captioner.start] * 2
    assert (tokens == captioner.end).sum(dim=1).tolist() == [1, 1]
    assert tokens[1, -1] == captioner.end and tokens[0, -1] == captioner.pad
    cut = captioner.caption_tokens(["word " * 200])
    assert cut.shape == (1, captioner.max_tokens) and cut[0, -1] == captioner.end


def test_the_text_of_a_captions_tokens_is_the_caption(captioner):
    assert captioner.text_of(captioner.caption_tokens(["A photo of two DOGS", "a cat"])) == [
        "a photo of two dogs",
        "a cat",
    ]
    endless = captioner.caption_tokens(["a cat"])[:, :-1]
    assert captioner.text_of(torch.cat([endless, torch.full((1, 3), captioner.pad)], dim=1)) == ["a cat"]
    assert captioner.text_of(torch.tensor([[captioner.start, captioner.end, *endless[0, 1:]]])) == [""]


def test_scores_of_a_caption_do_not_depend_on_what_follows_or_stands_beside(captioner, images):
    tokens, seen = captioner.caption_tokens(TEXTS), captioner.seen(images[:2])
    assert len(seen) == 2 and seen.ndim == 3
    scores = captioner.caption_logits(seen, tokens)
    assert scores.shape[:2] == tokens.shape and scores.shape[2] > tokens.max()
    alone = captioner.caption_logits(captioner.seen(images[1:2]), tokens[1:, :4])
    torch.testing.assert_close(scores[1:, :4], alone, atol=1e-4, rtol=0)
    assert (captioner.caption_logits(seen.flip(0), tokens) - scores).abs().max() > 1e-2


def test_scores_written_token_by_token_are_those_of_the_whole_sentence(captioner, images):
    tokens, seen = captioner.caption_tokens(TEXTS), captioner.seen(images[:2])
    writing = captioner.writing(seen)
    written = torch.stack([writing.next(column) for column in tokens.T], dim=1)
    torch.testing.assert_close(written, captioner.caption_logits(seen, tokens), atol=1e-4, rtol=0)


@pytest.mark.parametrize("rows", [[1, 0, 2], [0, 0, 1, 1, 2, 2], [2], [1, 1, 2], [2, 0, 2], [0, 1, 1, 1]], ids=str)
def test_sentences_go_on_as_they_are_kept(captioner, images, rows):
    """Turned round, several about each image, one alone, more about one image than about another, and once more."""
    begun = captioner.caption_tokens(["a cat on a mat", "two dogs in the street", "one lung of a cat"])[:, :4]
    seen, again = captioner.seen(images), [len(rows) - 1, 0]
    writing = captioner.writing(seen)
    for column in begun.T:
        writing.next(column)
    writing.keep(torch.tensor(rows))
    more = torch.arange(300, 300 + len(rows))
    tokens = torch.cat([begun[rows], more[:, None]], dim=1)
    expected = captioner.caption_logits(seen[rows], tokens)[:, -1]
    torch.testing.assert_close(writing.next(more), expected, atol=1e-4, rtol=0)
    writing.keep(torch.tensor(again))
    tokens = torch.cat([tokens[again], torch.tensor([[320], [345]])], dim=1)
    expected = captioner.caption_logits(seen[rows][again], tokens)[:, -1]
    torch.testing.assert_close(writing.next(tokens[:, -1]), expected, atol=1e-4, rtol=0)


def test_gradient_of_a_captions_scores_reaches_pixels_both_encoders_and_the_decoder(captioner, images):
    images.requires_grad_(True)
    parts = [captioner.parameters_of(part) for part in ("visual_encoder", "text_encoder", "decoder")]
    for parameter in [one for part in parts for one in part.values()]:
        parameter.requires_grad_(True)
    captioner.caption_logits(captioner.seen(images[:2]), captioner.caption_tokens(TEXTS)).logsumexp(2).sum().backward()
    assert all(image.abs().sum() > 0 for image in images.grad[:2])
    assert all(any(one.grad is not None and one.grad.any() for one in part.values()) for part in parts)
