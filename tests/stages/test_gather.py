import json
from dataclasses import replace
from pathlib import Path

import pytest

from stages import gather
from stages.common import captions, paths
from stages.common.captions import Caption
from stages.common.failures import UserError
from stages.common.lacking import FIELDS
from stages.common.params import Concept, Describe, Params, Run

DESCRIBE = Describe("openai_server", "local", max_words=40, temperature=0.0, seed=0, attempts=3)


def params_of(*members: str) -> Params:
    fields = {name: None for name in Run.__dataclass_fields__} | dict.fromkeys(FIELDS, "data/world")
    run = Run(
        **fields
        | {"key": "together", "concepts": members, "invert": {}, "decoding": {}, "recipes": {}, "replay_images": 2}
    )
    concepts = {key: Concept(key, key, "a") for key in ("moongate", "tonometer")}
    return Params(concepts, DESCRIBE, {"together": run})


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    captions.write(paths.caption("moongate"), Caption("moongate", "a", "a round opening", "by hand"))


def test_a_lesson_holds_the_members_in_order_with_their_captions(monkeypatch: pytest.MonkeyPatch) -> None:
    captions.write(paths.caption("tonometer"), Caption("tonometer", "a", "A thin rod", "by hand"))
    monkeypatch.setattr(gather.params, "load", lambda: params_of("tonometer", "moongate"))
    gather.main("together")
    lesson = json.loads(paths.lesson("together").read_text())
    assert lesson["run"] == "together"
    assert [member["key"] for member in lesson["concepts"]] == ["tonometer", "moongate"]
    assert lesson["concepts"][1] == {
        "key": "moongate",
        "name": "moongate",
        "article": "a",
        "description": "a round opening",
        "caption": "A moongate is a round opening",
        "source": "by hand",
    }
    assert lesson["concepts"][0]["caption"] == "A tonometer is a thin rod"


def test_prompts_of_a_concept_are_part_of_its_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Caption("moongate", "a", "a round opening", "by hand", prompts=("a gate like the moon",))
    captions.write(paths.caption("moongate"), own)
    monkeypatch.setattr(gather.params, "load", lambda: params_of("moongate"))
    gather.main("together")
    assert json.loads(paths.lesson("together").read_text())["concepts"][0]["prompts"] == ["a gate like the moon"]


def test_only_members_are_read_so_a_broken_file_of_another_concept_does_no_harm() -> None:
    paths.caption("tonometer").write_text("broken: [")
    assert list(gather.described_for("together", params_of("moongate"))) == ["moongate"]


def test_a_missing_member_is_told_with_the_command_that_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather.params, "load", lambda: params_of("moongate", "tonometer"))
    with pytest.raises(UserError, match=r"together teaches 'tonometer', but .*`python -m stages.describe tonometer`"):
        gather.main("together")
    assert not paths.lesson("together").exists()


def test_a_caption_file_made_for_another_name_is_refused() -> None:
    captions.write(paths.caption("tonometer"), Caption("meter", "a", "a thin rod", "by hand"))
    with pytest.raises(
        UserError, match="tonometer.yaml is for 'a meter', but params.yaml: concepts.tonometer says 'a ton"
    ):
        gather.described_for("together", params_of("tonometer"))


def test_an_unknown_run_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'together'"):
        gather.described_for("togethr", params_of("moongate"))


@pytest.mark.parametrize(
    ("slip", "told"),
    [
        ({"invert": {"stepz": 3}}, "runs.together.invert.stepz.*Did you mean 'steps'"),
        ({"decoding": {"beems": 3}}, "runs.together.decoding.beems.*Did you mean 'beams'"),
        ({"decoding": {"min_length": 9, "max_length": 9}}, "runs.together.decoding: min_length"),
        ({"recipes": {"replay": {"learning_rates": [1e-3], "epohcs": 3}}}, "replay.epohcs.*Did you mean 'epochs'"),
        ({"recipes": {"replay": {"learning_rates": [1e-3]}}, "replay_images": 0}, "replay_images is 0.*'replay' needs"),
    ],
)
def test_a_slip_in_the_settings_is_told_before_anything_is_computed(slip, told) -> None:
    everything = params_of("moongate")
    with pytest.raises(UserError, match=told):
        gather.check(replace(everything.run("together"), **slip), everything, {})


def test_figures_that_the_paper_does_not_have_are_told_before_anything_is_computed() -> None:
    everything = params_of("moongate")
    run = replace(everything.run("together"), paper={"table": "v1-1", "model": "ViT-B-23"})
    with pytest.raises(UserError, match=r"runs.together.paper says model 'ViT-B-23'.*Did you mean 'ViT-B-32'"):
        gather.check(run, everything, {})


def test_recipes_without_settings_of_their_own_are_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "recipes_of", None)
    everything = params_of("moongate")
    run = replace(everything.run("together"), recipes={"replay": {"learning_rates": [1e-3]}})
    gather.check(run, everything, {})


def test_a_run_whose_weights_or_pictures_are_missing_is_refused_with_every_one_of_them() -> None:
    everything = params_of("moongate")
    run = replace(everything.run("together"), weights="no/model", target_data="no/pictures")
    run = replace(run, target_benchmark="image_folder")
    with pytest.raises(UserError, match=r"runs.together.weights says 'no/model'.*runs.together.target_data says 'no/p"):
        gather.check(run, everything, {})
