"""A run that inverts the upper layers alone (Eq. 4), from descriptions to checkpoints, and what is refused of it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from stages import finetune, invert
from stages.common import params, paths
from stages.common.failures import UserError
from stages.inversion import workshop
from stages.inversion.activations import read_inverted, read_usual
from tests.stages import whole_project
from tests.stages.recipes.lessons import fresh
from tests.stages.whole_project import change_params, contents

RUN = "alone"
SEEN = (64, 4, 4)  # behind the second stage of the tiny ResNet


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_models):
    """A project whose run `alone` is inverted behind block 2 and fine-tuned; tests look at it, or work in a copy."""
    folder = tmp_path_factory.mktemp("upper")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        whole_project.in_processes(1, patch, invert, finetune)
        patch.setattr(invert, "REFERENCE", 4)
        whole_project.build(tiny_models["clip", "resnet"])
        change_params("steps: 4,", "steps: 4, block: 2,")
        change_params("[noise, wrong_description, no_name]", "[noise, wrong_description]")
        invert.main(RUN)
        finetune.main(RUN)
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of the finished project."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, invert, finetune)
    monkeypatch.setattr(invert, "REFERENCE", 4)


def refused(old, new):
    """What is said of the run once its params.yaml has `new` in place of `old`."""
    change_params(old, new)
    with pytest.raises(UserError) as told:
        invert.job_of(order := invert.order_of(params.load().run(RUN)), fresh(Path(order.run.weights)))
    return str(told.value)


def test_every_folder_of_images_holds_activations_and_pictures_of_them(finished):
    folder = finished / paths.inverted(RUN)
    for name, n in (("moongate/seed0", 2), ("moongate/seed1", 2), ("decoy/seed0", 2), ("replay/traffic_light", 1)):
        assert read_inverted(folder / name).shape == (n, *SEEN)
        assert len(list((folder / name).glob("0?.png"))) == n
    with Image.open(folder / "moongate/seed0/00.png") as picture:
        assert picture.size == SEEN[1:]
    assert json.loads((folder / "inversion.json").read_text())["settings"]["block"] == 2
    assert (folder / "moongate/sheet.png").exists() and (folder / "moongate/curve.png").exists()


def test_what_is_usual_comes_from_images_of_known_classes(finished):
    known = read_usual(finished / paths.inverted(RUN))
    assert known.mean.shape == known.deviation.shape == SEEN
    assert known.floor == 0 and (known.mean >= 0).all()
    inverted = read_inverted(finished / paths.inverted(RUN) / "moongate/seed0")
    assert ((inverted - known.mean) / known.deviation).abs().median() < 3


def test_the_control_noise_is_what_inversion_begins_with(project):
    run = params.load().run(RUN)
    concepts = json.loads(paths.lesson(RUN).read_text())["concepts"]
    lesson = finetune.lesson_of(run, concepts, whole_project.KNOWN_CLASSES, 0)
    noise = finetune.controlled(lesson, "noise", run, concepts, 0)
    assert noise.images.shape == lesson.images.shape == (2, *SEEN)
    known = read_usual(paths.inverted(RUN))
    assert (noise.images >= 0).all() and not torch.equal(noise.images, lesson.images)
    assert ((noise.images - known.mean) / known.deviation).abs().mean() < 1.5


def test_checkpoints_hold_what_lies_above_the_block(finished):
    folder = finished / paths.checkpoints(RUN)
    index = json.loads((folder / "index.json").read_text())
    held = {one["recipe"]: load_file(folder / one["file"]).keys() for one in index}
    assert {name.split(".")[1] for name in held["paper"]} == {"layer3", "layer4", "attnpool"}
    assert {name.split(".")[1] for name in held["replay"]} == {"attnpool"}


def test_a_second_time_everything_comes_from_the_cache(project, monkeypatch):
    invert.main(RUN)  # with what is loaded by now
    before = contents(paths.inverted(RUN))
    monkeypatch.setattr(workshop, "invert", None)
    invert.main(RUN)
    assert contents(paths.inverted(RUN)) == before


def test_a_block_that_the_model_does_not_have_is_refused_before_anything_is_inverted(project, monkeypatch):
    monkeypatch.setattr(workshop, "invert", None)
    assert "invert.block says 7, but this visual encoder has 4 blocks: write 1 to 4" in refused("block: 2", "block: 7")


def test_a_family_that_cannot_be_cut_is_refused_with_one_that_can(project, tiny_models):
    order, medclip = invert.order_of(params.load().run(RUN)), fresh(tiny_models["medclip", "resnet"], "medclip")
    with pytest.raises(UserError, match="cannot be cut into lower and upper layers here: write 0. That of clip can"):
        invert.workshop_of(order, medclip)


def test_a_joint_encoder_is_refused_without_a_model(project):
    run = replace(params.load().run(RUN), family="vilt")
    with pytest.raises(UserError, match="block says 2, but 'vilt' is one joint encoder"):
        invert.order_of(run)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("block: 2", "block: -1"), "block at least 0"),
        (("block: 2", "block: 2, start_px: 16"), "block says 2, so that activations are inverted: start_px cannot be"),
        (("block: 2", "block: 2, preset: reference"), "parametrisation and scales and start_px and grow_at cannot be"),
        (("images_from: data/inversion.md", "images_from: target"), "images_from says 'target', so that nothing is"),
    ],
)
def test_a_block_that_cannot_be_had_is_refused_without_a_model(project, change, reason):
    change_params(*change)
    with pytest.raises(UserError, match=reason):
        invert.order_of(params.load().run(RUN))
