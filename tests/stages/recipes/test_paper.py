"""The paper's recipe: against a plain loop, and why its loss has negatives."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from stages.common.failures import UserError
from stages.common.training import batches
from stages.losses.contrastive import contrastive
from stages.losses.info_nce import info_nce
from stages.recipes.paper import Settings, teach
from tests.stages.recipes.lessons import dice, fresh, lesson, same, without_replay


@pytest.fixture
def new(tiny_models):
    """A maker of untouched models."""
    return lambda: fresh(tiny_models["clip", "resnet"])


def plainly(model, taught, settings, generator, learning_rate):
    """The recipe with torch's own Adam and cross entropy."""
    parameters = model.parameters_of("visual_encoder")
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(
        parameters.values(), learning_rate, betas=(0.9, 0.98), eps=1e-6, weight_decay=settings.weight_decay, fused=True
    )
    bank = [*dict.fromkeys(taught.captions), *taught.known_captions]
    for rows in batches(len(taught.images), settings.batch, settings.epochs, generator):
        if settings.loss == "info_nce":
            right = torch.tensor([bank.index(taught.captions[i]) for i in rows])
            loss = F.cross_entropy(model.finetuning_logits(taught.images[rows], bank), right)
        else:
            texts = model.embed_texts([taught.captions[i] for i in rows])
            loss = contrastive(model.embed_images(taught.images[rows]), texts).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.state(list(parameters))


@pytest.mark.parametrize("loss", ["info_nce", "contrastive"])
def test_it_agrees_with_a_plain_loop(new, loss):
    settings, taught = Settings(loss=loss, epochs=2), lesson(each=3)  # 6 images: batches of 4 and 2
    ours = teach(new(), taught, settings, dice(), learning_rate=1e-4)
    theirs = plainly(new(), taught, settings, dice(), 1e-4)
    before = new().state(list(ours))
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], atol=2e-5, rtol=0)
    assert max((ours[name] - before[name]).abs().max() for name in ours) > 2e-4


def logits_of_one_concept(model):
    """Logits [4, 4] of four images of one concept and its caption, four times; leaves of the graph."""
    taught = lesson(each=4, names=("moongate",))
    with torch.no_grad():
        return model.finetuning_logits(taught.images, taught.captions).requires_grad_(), taught


def test_the_symmetric_loss_of_clip_cannot_bring_one_concept_closer_to_its_caption(new):
    logits, _ = logits_of_one_concept(new())
    right = torch.arange(4)
    (to_texts,) = torch.autograd.grad(F.cross_entropy(logits, right), logits)
    # each image has the same caption four times: taken together they are as close as they ever get
    torch.testing.assert_close(to_texts.sum(1), torch.zeros(4), atol=1e-6, rtol=0)
    assert F.cross_entropy(logits, right).item() == pytest.approx(torch.tensor(4.0).log().item(), abs=1e-5)
    closer = logits.detach() + 5  # all images much closer to the caption
    for direction in (lambda x: x, lambda x: x.T):
        torch.testing.assert_close(
            F.cross_entropy(direction(closer), right), F.cross_entropy(direction(logits.detach()), right)
        )


def test_eq_2_pulls_every_image_of_one_concept_to_its_caption(new):
    model, taught = new(), lesson(each=4, names=("moongate",))
    bank = [taught.captions[0], *taught.known_captions]
    logits = model.finetuning_logits(taught.images, bank).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(info_nce(logits, taught.captions, bank).mean(), logits)
    assert (gradient[:, 0] < -1e-3).all()
    assert (gradient[:, 1:] > 0).all()


def test_one_concept_is_learned_with_negatives_and_not_without(new):
    taught = lesson(each=4, names=("moongate",))
    settings = Settings(weight_decay=0.0)
    untouched = new().state(list(new().parameters_of("visual_encoder")))
    assert same(teach(new(), replace(taught, known_captions=[]), settings, dice(), learning_rate=1e-3), untouched)
    assert not same(teach(new(), taught, settings, dice(), learning_rate=1e-3), untouched)


def test_replayed_images_and_prompts_are_not_looked_at(new):
    taught = lesson()
    other = replace(without_replay(taught), prompts=["?"] * len(taught.prompts), known_prompts=[])
    settings = Settings()
    first, second = (teach(new(), each, settings, dice(), learning_rate=1e-3) for each in (taught, other))
    assert same(first, second)


@pytest.mark.parametrize("change", [{"affine": True}, {"batch": 2}, {"epochs": 2}, {"loss": "contrastive"}], ids=str)
def test_every_switch_changes_what_is_learned(new, change):
    first, second = (
        teach(new(), lesson(), settings, dice(), learning_rate=1e-3) for settings in (Settings(), Settings(**change))
    )
    assert not same(first, second)


def test_a_loss_of_embeddings_is_refused_where_the_model_has_none(tiny_models):
    joint = fresh(tiny_models["vilt", "b32"], "vilt")
    with pytest.raises(UserError, match=r"loss 'contrastive'.*one joint encoder and has none. Write info_nce"):
        teach(joint, lesson(), Settings(loss="contrastive"), dice(), learning_rate=1e-3)


def test_eq_2_moves_a_joint_encoder_too(tiny_models):
    model, taught = fresh(tiny_models["vilt", "b32"], "vilt"), lesson(each=4, names=("moongate",))
    bank = [taught.captions[0], *taught.known_captions]
    before = model.similarity(taught.images, bank).softmax(dim=1)[:, 0].mean()
    teach(model, taught, Settings(epochs=5), dice(), learning_rate=1e-3)
    assert model.similarity(taught.images, bank).softmax(dim=1)[:, 0].mean() > before + 0.1
