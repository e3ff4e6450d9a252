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
    assert list(known_classes.read(run).items()) == list(known.items())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "holds {}"),
        ("[]", "holds []"),
        ('["wheel", "arch"]', "holds ['wheel', 'arch']"),
        ('"wheel"', "holds 'wheel'"),
        ("null", "holds None"),
    ],
)
def test_what_is_no_mapping_of_at_least_one_class_is_refused_with_an_example(run, text, told):
    assert refused(run, text).endswith(f'such as {{"wheel": "a round frame with spokes"}}, but {told}.')


def test_a_long_content_is_told_in_short(run):
    assert len(refused(run, json.dumps([f"class {i}" for i in range(1000)]))) < 300


@pytest.mark.parametrize("description", [None, 3, "", "  ", ["a", "b"], {"text": "a round frame"}])
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
