"""The texts of a run: all of them are counted, and one that is too long is told with the place where it was written."""

from dataclasses import replace

import pytest

from stages.common import params, texts
from stages.common.failures import UserError
from stages.common.known_classes import KnownClass
from tests.stages import taught_project

MOONGATE = taught_project.MEMBER
KNOWN = {
    "arch": KnownClass("arch", "a bow of bricks"),
    "owl": KnownClass("owl"),
    "edema": KnownClass("edema", "a hazy veil", ("mild edema", "edema of both lungs"), ""),
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    taught_project.build(tmp_path)
    return replace(params.load().run("small"), template=("a photo of {}", "a drawing of {}"))


def counted(run, concepts=(MOONGATE,), known=KNOWN):
    """All texts whose tokens are counted."""
    seen = []
    texts.refuse_long(run, concepts, known, count=lambda text: seen.append(text) or 0, limit=0)
    return set(seen)


def refused(run, text, concepts=(MOONGATE,)):
    """The line that tells of this text, which alone is too long."""
    with pytest.raises(UserError) as told:
        texts.refuse_long(run, concepts, KNOWN, count=lambda one: 9 if one == text else 8, limit=8)
    line = str(told.value)
    assert line.endswith(" has 9 tokens, the model reads 8 and would not see the end. Shorten it.")
    return line


def test_captions_and_prompts_in_every_template_are_counted(run):
    assert counted(run) == {
        "A moongate is a round opening in a wall",
        "a photo of a moongate",
        "a drawing of a moongate",
        "An arch is a bow of bricks",
        "a photo of an arch",
        "a drawing of an arch",
        "a photo of an owl",
        "a drawing of an owl",
        "Edema is a hazy veil",
        "mild edema",
        "edema of both lungs",
        "a photo of edema",
    }


def test_prompts_of_its_own_are_counted_beside_the_one_that_recipes_teach(run):
    assert counted(run, [{**MOONGATE, "prompts": ["the round gate"]}], {}) == {
        "A moongate is a round opening in a wall",
        "the round gate",
        "a photo of a moongate",
    }


def test_what_the_control_without_a_name_says_is_counted_where_the_run_has_it(run):
    said = "a photo of a round opening in a wall"
    assert said not in counted(run)
    assert said in counted(replace(run, controls=("no_name",)))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("A moongate is a round opening in a wall", "captions/moongate.yaml: the caption"),
        ("a drawing of a moongate", "params.yaml: runs.small.template: the prompt 'a drawing of a moongate'"),
        ("a drawing of an owl", "params.yaml: runs.small.template: the prompt 'a drawing of an owl'"),
        ("An arch is a bow of bricks", "known.json: the caption of 'arch'"),
        ("mild edema", "known.json: the prompt 'mild edema' of 'edema'"),
    ],
)
def test_a_text_that_is_too_long_is_told_by_where_it_was_written(run, text, place):
    assert refused(run, text).startswith(f"{place} has ")


def test_a_long_prompt_of_a_concept_is_told_by_its_entry(run):
    line = refused(run, "the round gate", [{**MOONGATE, "prompts": ["the round gate"]}])
    assert line.startswith("params.yaml: concepts.moongate.prompts: the prompt 'the round gate' has ")


def test_a_long_text_of_the_control_without_a_name_is_told_with_the_control(run):
    line = refused(replace(run, controls=("no_name",)), "a photo of a round opening in a wall")
    assert "runs.small.template: what the control no_name says for 'moongate', 'a photo of a round" in line
