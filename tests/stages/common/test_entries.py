"""What a run says of itself: its figures in the paper, and what its numbers depend on."""

import json
from dataclasses import replace

import pytest

from stages.common.entries import NEVER_MEASURED, Paper, Run
from tests.stages.reported_project import made_run

LESSON = [{"key": "moongate", "description": "a round gate"}]


@pytest.fixture
def run() -> Run:
    return made_run("alone")


def test_a_run_names_no_table_of_the_paper_or_one_or_several(run: Run) -> None:
    one, two = {"table": "v1-1", "model": "ViT-B-32"}, {"table": "v2-9", "model": "ViT-B-32", "variant": "plain"}
    assert run.papers == ()
    assert replace(run, paper=one).papers == (Paper("v1-1", "ViT-B-32", "transfer"),)
    assert replace(run, paper=(one, two)).papers[1] == Paper("v2-9", "ViT-B-32", "plain")


def test_what_numbers_depend_on_survives_json_and_leaves_out_what_they_do_not(run: Run) -> None:
    settings = run.measured_by(LESSON)
    assert settings == json.loads(json.dumps(settings))
    assert settings.keys() == {*Run.__dataclass_fields__, "lesson"} - {*NEVER_MEASURED}


def test_one_template_alone_is_the_same_as_a_list_of_it(run: Run) -> None:
    assert run.measured_by(LESSON) == replace(run, template=(run.template,)).measured_by(LESSON)


def test_a_run_without_a_folder_of_pictures_is_inverted(run: Run) -> None:
    assert run.is_inverted and not replace(run, images_from="drawn").is_inverted
