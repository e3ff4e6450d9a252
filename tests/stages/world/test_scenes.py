"""Scenes of every family: repeatable, exactly masked, kept as data, and said in full when asked to be thorough."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from stages.world.arrangements import Crossed, Pair, Several, Single, Wall
from stages.world.canvas import DRAWN_PX, IMAGE_PX, Canvas
from stages.world.corpus import examples, kinds
from stages.world.known import KNOWN
from stages.world.nested import Nested
from stages.world.openings import WALLS, Opening
from stages.world.panels import Panel
from stages.world.scenes import FAMILIES, as_data, draw, draw_thing, sample
from stages.world.stands import Stand
from stages.world.words import NUMBERS, plural

ROOT = Path(__file__).resolve().parents[3]
SEEDS = range(40)
# What a thorough phrase must say of each family: a scene -> words that stand in it, in any order.
TOLD = {
    Single: lambda s: [s.shape, s.color, s.size],
    Pair: lambda s: [f"{s.color} {s.shape} {s.relation}", f"{s.other_color} {s.other}"],
    Several: lambda s: [f"{NUMBERS[s.n]} {s.color} {plural(s.shape)}", s.order],
    Crossed: lambda s: [f"{s.color} {s.shape}", f"{NUMBERS[s.n]} {s.bar_color} bars"],
    Wall: lambda s: [s.material],
    Nested: lambda s: [
        f"{NUMBERS[s.n]} {s.color} {plural(s.frame)}",
        f"{s.core_color} {s.core}" if s.core else "",
        "bars" if s.bars else "",
    ],
    Opening: lambda s: [s.shape, WALLS[s.material], s.view],
    Stand: lambda s: [
        f"{s.color} rod",
        f"{s.base} {s.base_color} base",
        s.top or "",
        (plural(s.fixture) if s.n > 1 else s.fixture) if s.fixture else "",
        NUMBERS[s.n] if s.n > 1 else "",
    ],
    Panel: lambda s: [
        f"{s.color} {s.body}",
        plural(s.item) if s.n > 1 else s.item,
        s.item_color or "",
        NUMBERS[s.n] if s.n > 1 else "",
    ],
}


def any_scene(family, seed):
    return family.sample(Random(seed))


def painted(paint, background):
    """What is drawn on a flat background, before the camera, and its mask."""
    canvas = Canvas(Image.new("RGB", (DRAWN_PX, DRAWN_PX), background))
    paint(canvas)
    return np.asarray(canvas.picture).astype(int), np.asarray(canvas.mask) == 255


def is_exact(paint):
    """Whether the mask is what is the same before black and before white."""
    (black, mask), (white, same_mask) = (painted(paint, (level,) * 3) for level in (0, 255))
    return np.array_equal(mask, same_mask) and np.array_equal((black == white).all(2), mask)


def test_all_families_are_tested_here():
    assert set(TOLD) == set(FAMILIES) and len(FAMILIES) == 9


@pytest.mark.parametrize("family", TOLD)
def test_a_thorough_phrase_names_all_that_tells_a_scene_apart(family):
    for seed in SEEDS:
        scene, dice = any_scene(family, seed), Random(seed)
        for _ in range(4):
            phrase = scene.phrase(dice, thorough=True)
            for words in TOLD[family](scene):
                assert re.search(rf"\b{re.escape(words)}", phrase), (words, phrase)


@pytest.mark.parametrize("family", TOLD)
def test_a_hasty_phrase_says_nothing_false_of_colours(family):
    colors = re.compile(r"\b(red|orange|yellow|green|blue|purple|pink|brown|black|white|gray|silver|golden)\b")
    for seed in SEEDS:
        scene, dice = any_scene(family, seed), Random(seed)
        if isinstance(scene, Wall):
            continue  # its sentences say "a blue sky" of any sky
        said = {color for _ in range(4) for color in colors.findall(scene.phrase(dice))}
        assert said <= {value for name, value in as_data(scene).items() if name.endswith("color")}


def test_parts_that_are_absent_are_not_said():
    for seed in SEEDS:
        for scene in (any_scene(Nested, seed), any_scene(Stand, seed)):
            phrase = scene.phrase(Random(seed), thorough=True)
            if isinstance(scene, Nested):
                assert scene.core or (" around " not in phrase and "middle" not in phrase)
                assert scene.bars or "bars" not in phrase
            else:
                assert scene.top or "at its end" not in phrase
                assert scene.fixture or ("carries" not in phrase and "dial" not in phrase)


@pytest.mark.parametrize("family", [family for family in TOLD if family is not Wall])
def test_the_mask_is_exactly_what_hides_the_background(family):
    for seed in range(12):
        scene = any_scene(family, seed)
        assert is_exact(lambda canvas, scene=scene, seed=seed: scene.draw(canvas, Random(seed)))


def test_the_mask_of_a_bare_wall_is_the_whole_picture():
    assert draw(Wall("brick"), Random(0)).mask.all()


@pytest.mark.parametrize("name", KNOWN)
def test_the_mask_of_a_known_thing_is_exactly_what_hides_the_background(name):
    def paint(canvas):
        dice = Random(2)
        canvas.place(dice)
        KNOWN[name].draw(canvas, dice)

    assert is_exact(paint)


@pytest.mark.parametrize("family", TOLD)
def test_the_same_dice_draw_the_same_picture(family):
    first, again, other = (draw(any_scene(family, 3), Random(seed)) for seed in (5, 5, 6))
    assert first.pixels.shape == (IMAGE_PX, IMAGE_PX, 3)
    assert np.array_equal(first.pixels, again.pixels) and np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("family", TOLD)
def test_a_scene_is_the_same_after_it_was_kept_as_json(family):
    for seed in range(5):
        scene = any_scene(family, seed)
        kept = json.loads(json.dumps(draw(scene, Random(seed)).scene))
        assert kept.pop("family") == family.__name__
        assert family(**kept) == scene


def test_a_known_thing_keeps_its_name_as_its_scene():
    thing = KNOWN["kite"]
    assert draw_thing("kite", thing.draw, Random(0)).scene == {"family": "Known", "name": "kite"}


def test_every_family_is_sampled_and_a_choice_of_them_is_kept_to():
    dice = Random(0)
    assert {type(sample(dice)) for _ in range(400)} == set(FAMILIES)
    assert {type(sample(dice, {Panel: 1, Stand: 1})) for _ in range(50)} == {Panel, Stand}


def digest():
    """SHA-256 of some of the corpus; another process calls it by its place in this file."""
    plan, content = kinds(1, 1, 40), hashlib.sha256()
    for example in examples(plan[::9] + plan[-40:], 2, Random("a seed")):
        content.update(example.drawing.pixels.tobytes() + example.drawing.mask.tobytes())
        content.update(repr(example.captions).encode())
    return content.hexdigest()


def test_another_process_draws_the_same_bytes():
    program = "from tests.stages.world.test_scenes import digest; print(digest())"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", program]
    other = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert other.strip() == digest()
