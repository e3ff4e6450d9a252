"""The corpus: repeatable, of the kinds asked for, and without any trace of a held-out concept."""

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from stages.world import corpus
from stages.world.arrangements import Crossed, Pair, Several, Single, Wall
from stages.world.concepts import CONCEPTS, DEVELOPMENT, is_held_out
from stages.world.corpus import Example, examples, free_scene, kinds, lexicon, named_scenes
from stages.world.known import KNOWN
from stages.world.nested import Nested
from stages.world.openings import Opening
from stages.world.panels import Panel
from stages.world.scenes import Drawing, Scene, sample
from stages.world.stands import Stand

FAMILIES = {family.__name__: family for family in (Single, Pair, Several, Crossed, Nested, Opening, Stand, Panel, Wall)}
HELD_OUT = (*CONCEPTS, *DEVELOPMENT)


def scene_of(drawing: Drawing) -> Scene | None:
    """The scene that a drawing shows, from the data kept with it; None for a known thing."""
    data = dict(drawing.scene)
    family = data.pop("family")
    return None if family == "Known" else FAMILIES[family](**data)


def check(example: Example) -> None:
    """Fail where an example tells or shows a held-out concept."""
    for caption in example.captions:
        said = [name for name in HELD_OUT if name in caption.lower()]
        assert not said, (said, caption)
    scene = scene_of(example.drawing)
    assert scene is None or not is_held_out(scene), (scene, example.captions)


def test_the_check_itself_finds_a_held_out_picture_and_a_held_out_name():
    drawing = CONCEPTS["moongate"].draw(Random(0))
    with pytest.raises(AssertionError, match="round"):
        check(Example(drawing, ("an opening",)))
    with pytest.raises(AssertionError, match="moongate"):
        check(Example(next(examples([("scene", "")], 1, Random(0))).drawing, ("Two Moongates",)))


def test_free_scenes_are_never_held_out_though_scenes_are():
    dice = Random(0)
    assert sum(is_held_out(sample(dice)) for _ in range(1500)) > 20
    assert not any(is_held_out(free_scene(dice)) for _ in range(1500))


def test_made_up_names_have_different_scenes_none_held_out():
    scenes = named_scenes()
    assert len(scenes) == len(set(scenes.values())) == 600
    assert not any(map(is_held_out, scenes.values()))
    assert {type(scene) for scene in scenes.values()} == {Nested, Opening, Stand, Panel}


def test_the_plan_has_as_many_of_each_kind_as_asked():
    plan = kinds(3, 2, 5)
    assert Counter(kind for kind, _ in plan) == {"known": 3 * len(KNOWN), "named": 2 * 600, "scene": 5}
    assert Counter(plan)["known", "kite"] == 3


def test_examples_show_what_the_plan_says_with_as_many_captions_as_asked():
    name = next(iter(named_scenes()))
    known, named, scene = examples([("known", "kite"), ("named", name), ("scene", "")], 3, Random(0))
    assert known.drawing.scene["name"] == "kite"
    assert scene_of(named.drawing) == named_scenes()[name]
    assert [len(example.captions) for example in (known, named, scene)] == [3, 3, 3]


def test_captions_say_the_name_of_a_known_thing_or_what_it_looks_like():
    thing = KNOWN["kite"]
    for example in examples([("known", "kite")] * 30, 4, Random(0)):
        for caption in example.captions:
            assert "kite" in caption or any(text in caption for text in thing.descriptions)


def test_the_same_dice_give_the_same_examples():
    plan = [("known", "kite"), ("scene", ""), ("scene", "")]
    first, again, other = (list(examples(plan, 2, Random(seed))) for seed in (0, 0, 1))
    for one, same in zip(first, again, strict=True):
        assert one.captions == same.captions and np.array_equal(one.drawing.pixels, same.drawing.pixels)
    assert [one.captions for one in first] != [one.captions for one in other]


def test_a_sample_of_the_corpus_holds_nothing_held_out():
    plan = kinds(1, 1, 400)
    for example in examples(plan[:58:4] + plan[58:658:6] + plan[-400:], 4, Random(0)):
        check(example)


def test_the_whole_lexicon_holds_nothing_held_out(monkeypatch):
    scenes, draw_free = [], corpus.free_scene
    monkeypatch.setattr(corpus, "free_scene", lambda dice: scenes.append(draw_free(dice)) or scenes[-1])
    entries = lexicon(Random("lexicon 0"))  # as pretrain draws it
    assert len(entries) == 1600 <= len(scenes)
    assert not {word for word, _ in entries} & named_scenes().keys()
    assert not any(map(is_held_out, scenes))
    assert not [text for entry in entries for text in entry if any(name in text for name in HELD_OUT)]


@pytest.mark.slow
def test_nothing_in_the_whole_corpus_of_pretraining_is_held_out(monkeypatch):
    import torch

    from stages.pretraining import clip
    from stages.pretraining import corpus as drawing

    def checked(plan, captions, dice):
        for example in examples(plan, captions, dice):
            check(example)
            yield replace(example, drawing=replace(example.drawing, pixels=np.zeros((1, 1, 3), np.uint8)))

    # every picture is drawn as ever, from the same dice; only what is kept of it is made small
    monkeypatch.setattr(drawing, "examples", checked)
    monkeypatch.setattr(clip, "tokenizer", lambda: lambda texts: torch.ones(len(texts), 1))
    settings = clip.Settings()
    pictures, tokens = clip.drawn_corpus(settings, 2)
    n = settings.known * len(KNOWN) + settings.named * len(named_scenes()) + settings.scenes
    assert n > 140_000
    assert pictures.shape == (n, 1, 1, 3) and tokens.shape == (n, settings.captions, 1)
    entries = lexicon(Random(f"lexicon {settings.seed}"))
    assert not [text for entry in entries for text in entry if any(name in text for name in HELD_OUT)]
