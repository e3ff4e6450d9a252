"""bench: what it measures is said in full; how fast the machine is does not matter here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stages import bench
from stages.common.failures import UserError
from stages.common.open_clip_import import import_open_clip
from stages.inversion.settings import Settings
from stages.networks import open_clip_weights as networks
from stages.speed import subject
from stages.speed.journey import journey
from stages.speed.limit import SIDES
from tests.stages import whole_project
from tests.stages.models.tiny import VIT, config

ROOT = Path(__file__).resolve().parents[2]
BARE = """\
import sys
sys.modules.update(dict.fromkeys(["dvc", "prefect", "ruamel", "ruamel.yaml", "strictyaml", "pandas", "matplotlib"]))
import stages.bench
stages.bench.parser().format_help()
assert "torch" not in sys.modules
import stages.speed.subject, stages.speed.steps, stages.speed.journey, stages.speed.table
import stages.models.clip, stages.recipes.paper
"""
ROW = {
    *("model", "way", "images", "views", "step_operations", "pace", "limits", "peak_bytes"),
    *("step_s", "start_s", "image_steps_a_second", "images_a_minute", "steps_of_an_image"),
    *("times_the_reference", "shares"),
}
JOURNEY = {
    *("model", "number", "images", "steps"),
    *("text_s", "known_s", "inversion_s", "finetuning_s", "writing_s", "total_s"),
}


@pytest.fixture
def quick(monkeypatch):
    """A small product of matrices will do."""
    monkeypatch.setitem(SIDES, "cpu", 64)


@pytest.fixture
def project(tmp_path, tiny_models, monkeypatch, quick):
    monkeypatch.chdir(tmp_path)
    whole_project.build(tiny_models["clip", "vit"])
    return tmp_path


@pytest.fixture
def architecture(tmp_path, monkeypatch, quick):
    """A folder with nothing but known classes, and an open_clip that knows a tiny architecture."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "ViT-tiny.json"
    file.write_text(json.dumps(config(VIT)))
    import_open_clip().add_model_config(file)
    for module in (subject, networks):
        monkeypatch.setattr(module, "architectures", lambda: {"ViT-tiny": file})
    known = Path(subject.UNTRAINED["known"])
    known.parent.mkdir(parents=True)
    known.write_text('["arch", "kite"]')
    return tmp_path


def test_a_run_is_measured_in_both_ways_and_nothing_but_what_is_asked_for_is_written(project, capsys):
    before = whole_project.contents(project)
    words = "--run both --device cpu --images 2 3 --steps 2 --json figures/bench.json"
    bench.main(*words.split())
    found = json.loads((project / "figures/bench.json").read_text())
    assert [(one["way"], one["images"], one["views"]) for one in found["steps"]] == [
        *(("ours", 2, 1), ("ours", 3, 1)),
        ("reference", 1, 13),
    ]
    assert [(one["number"], one["images"], one["steps"]) for one in found["journeys"]] == [(0, 2, 4), (1, 2, 4)]
    assert {frozenset(one) for one in found["steps"]} == {frozenset(ROW)}
    assert {frozenset(one) for one in found["journeys"]} == {frozenset(JOURNEY)}
    operations = {one["images"] * one["views"]: one["step_operations"] for one in found["steps"]}
    assert operations[3] / 3 == operations[2] / 2 == operations[13] / 13 > 0
    assert found["machine"]["precision"] == "float32"
    after = whole_project.contents(project)
    assert {name: text for name, text in after.items() if name != "figures/bench.json"} == before
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("| both | ") for line in lines) == 3


def test_an_architecture_is_measured_without_any_run(architecture, capsys):
    words = "--model ViT/tiny --device cpu --precision bfloat16 --images 2 --steps 1 --way ours --journey-steps 0"
    bench.main(*words.split())
    assert {path.name for path in architecture.iterdir()} == {"ViT-tiny.json", "data"}
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("| ViT-tiny | ours | 2 | 1 | ")
    assert "bfloat16" in lines[-5]


def test_our_way_has_the_settings_of_a_preset_where_one_is_named(architecture, capsys):
    words = "--model ViT-tiny --device cpu --images 2 --steps 1 --way ours --journey-steps 0 --long"
    for preset, images_a_minute in (("reference", "(5000 steps)"), ("ours", f"({Settings().steps} steps)")):
        bench.main(*words.split(), "--preset", preset)
        assert images_a_minute in capsys.readouterr().out.splitlines()[-1]


def test_a_run_has_settings_of_its_own(project):
    with pytest.raises(UserError, match="--preset says 'reference', but the run 'both' has settings of its own"):
        bench.main("--run", "both", "--preset", "reference")


def test_a_taught_model_is_put_back(project):
    run = subject.named("both")
    one = subject.subject_of(run, torch.device("cpu"), "auto")
    before = one.model.state(list(one.model.parameters_of("both")))
    journey(one, 0, steps=1)
    after = one.model.state(list(before))
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--run bth", "params.yaml: runs has no 'bth'. Did you mean 'both'?"),
        ("--model ViT-B-23", "--model says 'ViT-B-23', which open_clip does not have. Did you mean 'ViT-B-32'?"),
        ("--device cuda", "--device says 'cuda', but no GPU is there. Allowed: auto, cpu."),
        ("--json target", "--json says 'target', which is a folder. Name a file."),
    ],
)
def test_what_cannot_be_measured_is_told(project, monkeypatch, words, told):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError) as error:
        bench.main(*words.split())
    assert str(error.value).startswith(told)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--images 0", "--images: '0' is no whole number of at least 1"),
        ("--steps many", "--steps: 'many' is no whole number of at least 1"),
        ("--journey-steps -1", "--journey-steps: '-1' is no whole number of at least 0"),
        ("--way their", "--way: invalid choice: 'their'"),
        ("--run both --model ViT-B-32", "--model: not allowed with argument --run"),
    ],
)
def test_wrong_words_are_refused(words, told, capsys):
    with pytest.raises(SystemExit):
        bench.main(*words.split())
    assert told in capsys.readouterr().err


def test_the_reference_has_no_way_for_a_joint_encoder(tiny_models, tmp_path, monkeypatch, quick):
    monkeypatch.chdir(tmp_path)
    whole_project.build(tiny_models["vilt", "b32"])
    whole_project.change_params("family: clip", "family: vilt")
    whole_project.change_params("      replay: {learning_rates: [1.0e-3], epochs: 2}\n", "")
    words = "--run alone --device cpu --steps 1 --journey-steps 0 --way reference"
    with pytest.raises(UserError, match="^alone is one joint encoder, .*--way ours"):
        bench.main(*words.split())


def test_it_needs_torch_and_open_clip_alone_and_those_not_for_its_help():
    done = subprocess.run([sys.executable, "-c", BARE], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
