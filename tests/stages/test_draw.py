"""draw: every picture with its mask, its captions and its scene, the same bytes each time."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import draw
from stages.benchmarks import captioned_folder, captioning_folder, image_folder, segmentation_folder
from stages.world.canvas import IMAGE_PX
from stages.world.concepts import CONCEPTS, DEVELOPMENT
from stages.world.known import KNOWN
from stages.world.words import with_article
from tests.stages.whole_project import contents

HELD_OUT = {**CONCEPTS, **DEVELOPMENT}
PICTURES = {"concepts": 2, "examples": 1, "known": 1}
FEW = {"concepts": 1, "known": 1}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The whole world with one or two pictures of everything."""
    folder = tmp_path_factory.mktemp("drawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(draw, "PICTURES", PICTURES)
        patch.setattr(draw, "FEW", FEW)
        draw.main()
    return folder / "data/world"


def lines(folder):
    return [json.loads(line) for line in (folder / "scenes.jsonl").read_text().splitlines()]


def test_every_concept_and_every_known_class_has_its_pictures(world):
    known = [(root, KNOWN, 1) for root in ("known", "known_development", "known_few")]
    for root, names, n in (("concepts", HELD_OUT, 2), ("concepts_few", CONCEPTS, 1), *known):
        benchmark = image_folder.load(world / root, list(names))
        assert len(benchmark.paths) == n * len(names)
        assert {path.name for path in (world / root).iterdir()} == {name.replace(" ", "_") for name in names}


def test_pictures_for_choosing_settings_are_not_those_that_are_measured(world):
    roots = ("known", "known_development", "known_few")
    drawn = [{path.read_bytes() for path in (world / root).glob("*/000.png")} for root in roots]
    assert [len(pictures) for pictures in drawn] == [len(KNOWN)] * 3
    assert len(set.union(*drawn)) == 3 * len(KNOWN)


def test_pictures_that_are_asked_for_by_sentences_have_four_each_and_share_none(world):
    captioned = captioned_folder.load(world / "captioned")
    assert captioned.faults == ()
    assert np.bincount(captioned.owners).tolist() == [4] * 60
    assert len(set(captioned.captions)) == len(captioned.captions)
    assert len({path.read_bytes() for path in captioned.paths}) == 60


def test_pictures_that_are_written_about_have_five_sentences_each_of_which_the_first_names_them(world):
    told = captioning_folder.load(world / "captioning")
    assert told.faults == () and np.bincount(told.owners).tolist() == [5] * (20 * len(CONCEPTS) + 2 * len(KNOWN))
    names = [name for name in CONCEPTS for _ in range(20)] + [name for name in KNOWN for _ in range(2)]
    for place, name in enumerate(names):
        said = told.captions[5 * place : 5 * place + 5]
        assert said[0] == f"a photo of {with_article(name)}" and len(set(said)) == 5
    assert len({path.read_bytes() for path in told.paths}) == len(names)


def test_half_of_them_show_known_things_each_another_and_half_scenes_without_a_concept(world):
    drawn = [drawing.scene for drawing, _ in draw.captioned_pictures(draw.SEEDS["captioned"])]
    known = [scene["name"] for scene in drawn if scene["family"] == "Known"]
    assert known[:3] == list(KNOWN)[:6:2] and len(set(known)) == len(known) == 30
    scenes = [scene for scene in drawn if scene["family"] != "Known"]
    assert len({json.dumps(scene) for scene in scenes}) == len(scenes) == 30


def test_pictures_to_teach_in_place_of_inverted_ones_are_not_those_that_are_measured(world):
    examples = {path.read_bytes() for path in (world / "examples").glob("*/000.png")}
    measured = {path.read_bytes() for path in (world / "concepts").glob("*/???.png")}
    assert {path.name for path in (world / "examples").iterdir()} == set(CONCEPTS)
    assert len(examples) == len(CONCEPTS) and not examples & measured


SEGMENTED = ("segmentation", "two_things", "two_things_development")


@pytest.mark.parametrize("folder", SEGMENTED)
def test_what_is_to_be_found_has_20_pictures_of_each_concept_and_2_of_each_known_class_with_masks(world, folder):
    masked = segmentation_folder.load(world / folder)
    assert masked.faults == () and masked.negatives == 0
    assert {*masked.classes} == {*CONCEPTS, *KNOWN}
    counts = np.bincount(masked.labels)
    assert {name: int(n) for name, n in zip(masked.classes, counts, strict=True)} == {
        **dict.fromkeys(CONCEPTS, 20),
        **dict.fromkeys(KNOWN, 2),
    }
    shares = [masked.mask(path).mean() for path in masked.paths]
    assert min(shares) > 0.001 and max(shares) < 0.95


def test_no_picture_in_which_something_is_to_be_found_is_drawn_twice(world):
    found = {folder: [path.read_bytes() for path in (world / folder).glob("*/images/*.png")] for folder in SEGMENTED}
    measured = [path.read_bytes() for path in world.glob("[ck]*/*/???.png")]
    assert {*map(len, found.values())} == {20 * len(CONCEPTS) + 2 * len(KNOWN)}
    drawn = [picture for pictures in found.values() for picture in pictures]
    assert len({*drawn, *measured}) == len(drawn) + len({*measured})
    assert len({*drawn}) == len(drawn)


def test_a_thing_stands_alone_or_beside_a_known_thing_that_is_another():
    for name, drawings in draw.segmented_pictures("seed", has_other=True):
        scenes = [drawing.scene for drawing in drawings]
        others = [scene["other"]["name"] for scene in scenes]
        assert name not in others and {*others} <= {*KNOWN}
        if name in CONCEPTS:
            assert len({*others}) > 10
            assert all(CONCEPTS[name].shown_by(_scene(CONCEPTS[name].family, scene["asked"])) for scene in scenes)
        else:
            assert all(scene["asked"]["name"] == name for scene in scenes)


def test_a_thing_alone_is_drawn_as_it_is_for_classification():
    named = dict(draw.segmented_pictures("measured", has_other=False))
    for name, pictures in (("moongate", draw.concept_pictures), ("kite", draw.known_pictures)):
        for one, (other, _) in zip(named[name], pictures(name, 2, "measured"), strict=False):
            assert np.array_equal(one.pixels, other.pixels) and np.array_equal(one.mask, other.mask)


def _scene(family, told):
    return family(**{name: value for name, value in told.items() if name != "family"})


def test_known_classes_are_listed_with_their_first_description(world):
    known = json.loads((world / "known.json").read_text())
    assert known == {name: thing.descriptions[0] for name, thing in KNOWN.items()}


def test_pictures_and_masks_lie_beside_each_other_and_fit(world):
    folder = world / "concepts" / "moongate"
    expected = {"000.png", "000.mask.png", "001.png", "001.mask.png", "scenes.jsonl"}
    assert {path.name for path in folder.iterdir()} == expected
    picture, mask = Image.open(folder / "000.png"), Image.open(folder / "000.mask.png")
    assert (picture.mode, picture.size, mask.size) == ("RGB", (IMAGE_PX, IMAGE_PX), (IMAGE_PX, IMAGE_PX))
    assert 0.03 < np.asarray(mask).mean() < 0.95


def test_what_is_on_disk_is_what_was_drawn(world):
    drawn = list(draw.concept_pictures("tonometer", 2, draw.SEEDS["concepts"]))
    folder = world / "concepts" / "tonometer"
    for number, (drawing, captions) in enumerate(drawn):
        assert np.array_equal(np.asarray(Image.open(folder / f"00{number}.png")), drawing.pixels)
        assert np.array_equal(np.asarray(Image.open(folder / f"00{number}.mask.png")), drawing.mask)
        assert lines(folder)[number] == {"file": f"00{number}.png", "captions": captions, "scene": drawing.scene}


@pytest.mark.parametrize("name", HELD_OUT)
def test_the_scene_that_is_kept_shows_the_concept(world, name):
    concept = HELD_OUT[name]
    for line in lines(world / "concepts" / name):
        scene = dict(line["scene"])
        assert scene.pop("family") == concept.family.__name__
        assert concept.shown_by(concept.family(**scene))
        assert name in line["captions"][0] and name not in line["captions"][1]


def test_a_concepts_second_caption_leaves_nothing_out():
    for _, (_, caption) in draw.concept_pictures("gyroscope", 30, "seed"):
        assert all(word in caption for word in ("silver rings", "disk", "bars"))


def test_a_known_picture_has_its_name_and_all_its_descriptions_as_captions(world):
    (line,) = lines(world / "known" / "traffic_light")
    assert line["captions"] == ["a photo of a traffic light", *KNOWN["traffic light"].descriptions]
    assert line["scene"] == {"family": "Known", "name": "traffic light"}


def test_more_pictures_begin_with_the_same_ones():
    one, two = (list(draw.known_pictures("kite", n, "seed")) for n in (1, 2))
    assert np.array_equal(one[0][0].pixels, two[0][0].pixels)
    assert not np.array_equal(two[0][0].pixels, two[1][0].pixels)


def test_a_second_time_gives_the_same_bytes(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(draw, "PICTURES", PICTURES)
    monkeypatch.setattr(draw, "FEW", FEW)
    draw.main()
    assert contents(Path("data/world")) == contents(world)


def test_an_error_leaves_the_old_world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw.WORLD.mkdir(parents=True)
    (draw.WORLD / "old.txt").write_text("old")

    def fails(folder, pictures):
        folder.mkdir(parents=True)
        raise OSError("no more room")

    monkeypatch.setattr(draw, "write_pictures", fails)
    with pytest.raises(OSError, match="no more room"):
        draw.main()
    assert contents(Path("data")) == {"world/old.txt": b"old"}
