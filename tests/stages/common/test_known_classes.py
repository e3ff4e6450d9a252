"""The known classes of a run: what is good comes as written, each slip is told with its file and class."""

import json
from pathlib import Path

import pytest

from stages.common import known_classes, params
from stages.common.failures import UserError
from tests.stages import taught_project


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    taught_project.build(tmp_path)
    return params.load().run("small")


def refused(run, text):
    Path(run.known).write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as told:
        known_classes.read(run)
    assert "\n" not in str(told.value)
    assert "known.json" in str(told.value)
    return str(told.value)


def test_classes_come_as_written_in_the_order_of_the_file(run):
    known = {"traffic light": "three round lamps", "café": "tables on a street", "arch": "a bow of bricks"}
    Path(run.known).write_text(json.dumps(known))
    found = known_classes.read(run)
    assert list(found) == list(known)
    assert {name: one.looks for name, one in found.items()} == known


def test_a_class_that_nobody_described_looks_like_its_name_and_is_told_apart_by_its_prompt(run):
    Path(run.known).write_text('{"owl": null, "arch": "A bow of bricks"}')
    owl, arch = known_classes.read(run).values()
    assert (owl.description, owl.looks, owl.caption("a photo of {}")) == (None, "an owl", "a photo of an owl")
    assert (arch.looks, arch.caption("a photo of {}")) == ("A bow of bricks", "An arch is a bow of bricks")


def test_a_list_of_names_is_the_same_as_names_without_descriptions(run):
    Path(run.known).write_text('["owl", "arch"]')
    listed = known_classes.read(run)
    Path(run.known).write_text('{"owl": null, "arch": null}')
    assert listed == known_classes.read(run)


def test_prompts_of_a_class_take_the_place_of_the_templates(run):
    own = {"description": "a hazy veil", "prompts": ["mild edema", "edema of both lungs"]}
    Path(run.known).write_text(json.dumps({"edema": own, "arch": {"prompts": []}}))
    edema, arch = known_classes.read(run).values()
    templates = ("a photo of {}", "a drawing of {}")
    assert (edema.asked(templates), edema.looks) == (("mild edema", "edema of both lungs"), "a hazy veil")
    assert arch.asked(templates) == ("a photo of an arch", "a drawing of an arch")


def test_a_class_has_the_article_that_is_written_for_it_in_its_caption_and_its_prompts(run):
    veil = {"description": "a hazy veil", "article": ""}
    Path(run.known).write_text(json.dumps({"edema": veil, "hour": {"article": "an"}, "owl": {"article": None}}))
    edema, hour, owl = known_classes.read(run).values()
    assert edema.caption("a photo of {}") == "Edema is a hazy veil"
    assert edema.asked(("a photo of {}", "{} in both lungs")) == ("a photo of edema", "edema in both lungs")
    assert (hour.looks, hour.caption("a photo of {}")) == ("an hour", "a photo of an hour")
    assert owl.looks == "an owl"


def test_prompts_of_its_own_leave_the_name_in_the_template_as_recipes_teach_it(run):
    Path(run.known).write_text(json.dumps({"edema": {"article": "", "prompts": ["mild edema"]}}))
    (edema,) = known_classes.read(run).values()
    assert edema.prompt("a photo of {}") == "a photo of edema"


@pytest.mark.parametrize("article", ["en", 3, ["a"]], ids=str)
def test_an_article_that_is_none_is_refused_with_its_class(run, article):
    told = refused(run, json.dumps({"arch": "a bow", "wheel": {"article": article}}))
    assert f"the article of 'wheel' is {article!r}, but must be one of: a, an, the" in told


@pytest.mark.parametrize("prompts", ["a text", ["", "one"], [3], None, ["one", "one"]], ids=str)
def test_prompts_that_are_no_texts_are_refused_with_their_class(run, prompts):
    told = refused(run, json.dumps({"arch": "a bow", "wheel": {"prompts": prompts}}))
    assert "the prompts of 'wheel' are" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "holds {}"),
        ("[]", "holds []"),
        ('["wheel", 3]', "holds ['wheel', 3]"),
        ('"wheel"', "holds 'wheel'"),
        ("null", "holds None"),
    ],
)
def test_what_names_no_class_is_refused_with_an_example(run, text, told):
    end = f'such as {{"wheel": "a round frame with spokes"}}, or a list of names, but {told}.'
    assert refused(run, text).endswith(end)


def test_a_long_content_is_told_in_short(run):
    assert len(refused(run, json.dumps([*range(1000)]))) < 300


@pytest.mark.parametrize("description", [3, "", "  ", ["a", "b"], {"text": "a round frame"}])
def test_a_description_that_is_no_text_is_refused_with_its_class(run, description):
    told = refused(run, json.dumps({"arch": "a bow of bricks", "wheel": description}))
    assert f"the description of 'wheel' is {description!r}, but must be a text" in told


@pytest.mark.parametrize("name", ["", " ", "???"])
def test_a_name_without_letter_or_digit_is_refused(run, name):
    told = refused(run, json.dumps({name: "a round frame"}))
    assert f"names a class {name!r}, but a name must hold a letter or a digit" in told


@pytest.mark.parametrize(
    ("first", "second", "folder"),
    [("C++", "C", "C"), ("traffic light", "traffic_light", "traffic_light"), ("Wheel", "wheel", "Wheel")],
)
def test_two_names_that_would_share_a_folder_are_both_named(run, first, second, folder):
    told = refused(run, json.dumps({first: "one", "arch": "a bow of bricks", second: "another"}))
    assert f"the classes {first!r} and {second!r} would share one folder, {folder!r}" in told


def test_a_name_that_is_listed_twice_is_refused(run):
    assert "known.json lists 'wheel' twice" in refused(run, '["wheel", "arch", "wheel"]')


def test_a_key_that_stands_there_twice_is_refused(run):
    assert "has the key 'wheel' twice" in refused(run, '{"wheel": "one", "arch": "a bow", "wheel": "another"}')


def test_broken_json_is_told_with_the_line(run):
    assert "known.json is no JSON: Expecting" in refused(run, '{"wheel": "one",\n "arch"}')


def test_a_file_that_is_no_utf8_text_is_told(run):
    Path(run.known).write_bytes(b'{"caf\xe9": "tables"}')
    with pytest.raises(UserError, match="known.json is no JSON: 'utf-8' codec"):
        known_classes.read(run)


def test_a_missing_file_is_told_by_where_params_yaml_names_it(run):
    Path(run.known).unlink()
    with pytest.raises(UserError, match="runs.small.known says 'known.json', but there is no such file.*`dvc repro`"):
        known_classes.read(run)


def test_a_folder_in_place_of_the_file_is_told(run):
    Path(run.known).unlink()
    Path(run.known).mkdir()
    with pytest.raises(UserError, match="runs.small.known says 'known.json', but must be a file, not a folder"):
        known_classes.read(run)
