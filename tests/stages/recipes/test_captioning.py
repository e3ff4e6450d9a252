"""The captioner's recipe: its target captions, both losses worked out slowly, and that the name is learned."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from stages.common import checks
from stages.common.decoding import Settings as Decoding
from stages.common.failures import UserError
from stages.decoders.contract import captions
from stages.recipes.captioning import PRINTED, Settings, printed_templates, target_captions, teach
from tests.stages.recipes.lessons import dice, fresh, lesson, same, without_replay

OWN = ("a photo of {}", "a drawing of {}")


@pytest.fixture
def new(tiny_models):
    """A maker of untouched captioners."""
    return lambda: fresh(tiny_models["coca", "pooled"], "coca")


def test_the_printed_templates_are_the_25_that_the_paper_lists():
    printed = printed_templates()
    assert len(printed) == len(PRINTED) == len(set(printed)) == 25
    assert printed[0] == "a bad photo of a {}." and printed[-1] == "itap of a {}."
    assert {"a photo of a {}.", "a photo of my {}.", "a photo of a hard to see {}."} <= set(printed)
    assert not {"a sculpture of a {}.", "a photo of many {}."} & set(printed)


def test_each_target_caption_draws_a_template_of_its_own():
    drawn = target_captions([("an", "arch")] * 60, OWN, dice())
    assert set(drawn) == {"a photo of an arch", "a drawing of an arch"}
    assert 15 < drawn.count("a photo of an arch") < 45
    assert len(set(target_captions([("an", "arch")] * 200, (), dice()))) == 25


def test_a_printed_template_takes_the_bare_name_and_one_of_our_own_the_article_too():
    (told,) = target_captions([("a", "moongate")], (), dice())
    assert told in {template.replace("{}", "moongate") for template in printed_templates()}
    assert target_captions([(None, "arch"), ("", "edema")], OWN[:1], dice()) == [
        "a photo of an arch",
        "a photo of edema",
    ]


def slow_loss(model, taught, settings, generator):
    """Eq. 6 of a whole lesson, image by image and token by token."""
    told = target_captions(taught.subjects, settings.templates, generator)
    bank, total = taught.caption_bank, 0.0
    texts = model.embed_texts(bank)
    for image, own, caption in zip(taught.images, taught.captions, told, strict=True):
        logits = model.network.logit_scale.exp() * model.embed_images(image[None]) @ texts.T
        total += settings.clip_weight * F.cross_entropy(logits, torch.tensor([bank.index(own)])).item()
        tokens, lost = model.caption_tokens([caption]), []
        for place in range(1, tokens.shape[1]):
            scores = model.network(image[None].sub(model._mean).div(model._std), tokens[:, :place], output_labels=False)
            lost.append(F.cross_entropy(scores["logits"][:, -1], tokens[:, place]).item())
        total += settings.captioning_weight * sum(lost) / len(lost)
    return total / len(taught.images)


def test_the_loss_of_a_step_equals_a_slow_reference(new):
    settings, taught, losses = Settings(templates=OWN, batch=6), without_replay(lesson()), []
    with torch.no_grad():
        model = new()
        generator = dice()
        order = torch.randperm(6, generator=generator).tolist()
        names = ("images", "captions", "subjects")
        mixed = replace(taught, **{name: [getattr(taught, name)[i] for i in order] for name in names})
        expected = slow_loss(model, mixed, settings, generator)
    teach(model, taught, settings, dice(), learning_rate=1e-4, losses=losses)
    assert losses == [pytest.approx(expected, abs=1e-3)]


def test_the_decoder_moves_only_where_it_is_told_to(new):
    model = new()
    parts = {part: {*model.parameters_of(part)} for part in ("head", "decoder")}
    still = teach(new(), lesson(), Settings(part="head"), dice(), learning_rate=1e-3)
    moved = teach(new(), lesson(), Settings(part="head", decoder=True), dice(), learning_rate=1e-3)
    assert still.keys() == parts["head"] and moved.keys() == parts["head"] | parts["decoder"]


def test_without_the_captioning_loss_what_a_name_is_called_changes_nothing(new):
    settings, taught = Settings(captioning_weight=0.0), lesson()
    renamed = replace(taught, subjects=[("a", "kettle")] * len(taught.subjects))
    first, second = (teach(new(), one, settings, dice(), learning_rate=1e-3) for one in (taught, renamed))
    assert same(first, second)


def test_after_many_steps_it_writes_the_name(new):
    model, taught = new(), lesson()
    settings = Settings(decoder=True, templates=OWN[:1], captioning_weight=1.0, weight_decay=0.0, epochs=60, batch=6)
    teach(model, taught, settings, dice(), learning_rate=3e-3)
    written = captions(model, taught.images, Decoding("greedy"))
    assert written == [f"a photo of a {name}" for _, name in taught.subjects]


def test_replayed_images_are_looked_at_where_their_weight_is_above_zero(new):
    settings, taught = Settings(replay_weight=1.0), lesson()
    assert settings.replays and not Settings().replays
    others = replace(taught, replay=taught.replay.flip(0))
    first, second = (teach(new(), one, settings, dice(), learning_rate=1e-3) for one in (taught, others))
    assert not same(first, second)


@pytest.mark.parametrize(
    ("own", "what"),
    [
        ({"captioning_weight": 0.0, "clip_weight": 0.0}, "one of clip_weight and captioning_weight above 0"),
        ({"captioning_weight": 0.0, "decoder": True}, "nothing would move it"),
        ({"templates": ["a photo"]}, "needs {} where the name goes"),
        ({"replay_weight": -1.0}, "at least 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(own, what):
    with pytest.raises(UserError, match=what):
        checks.settings(Settings, own, "here")
