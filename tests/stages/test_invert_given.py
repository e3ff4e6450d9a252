"""invert where pictures from a folder stand in place of inverted images."""

import csv
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from stages import invert
from stages.common import params, paths
from stages.common.failures import UserError
from stages.common.images import read_images
from stages.inversion.chunks import given_pictures
from stages.models.clip import Clip
from tests.stages import whole_project
from tests.stages.recipes.lessons import fresh
from tests.stages.whole_project import contents

DESCRIPTION = whole_project.CONCEPTS["moongate"]


@pytest.fixture
def project(tmp_path, monkeypatch, tiny_models):
    """A project whose run `alone` is taught five wide pictures of a folder, two a seed."""
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, invert)
    whole_project.build(tiny_models["clip", "resnet"])
    whole_project.change_params("images_from: data/inversion.md", "images_from: drawn")
    Path("drawn/moongate").mkdir(parents=True)
    for number in range(5):
        Image.new("RGB", (40, 32), (50 * number, 10, 200)).save(f"drawn/moongate/{number}.png")
    return tiny_models["clip", "resnet"]


def test_pictures_of_the_folder_take_the_place_of_inverted_images_as_the_model_sees_them(project):
    invert.main("alone")
    run = params.load().run("alone")
    for seed in (0, 1):
        wanted = read_images(given_pictures(run, "moongate", 2, seed), fresh(project).fit)
        written = sorted(paths.inverted_images("alone", "moongate", seed).glob("*.png"))
        assert torch.equal(read_images(written), wanted)


def test_the_curve_is_one_point_how_near_the_pictures_are_to_the_text(project):
    invert.main("alone")
    folder, model = paths.inverted_images("alone", "moongate", 0), fresh(project)
    with (folder / "history.csv").open() as file:
        curve = list(csv.DictReader(file))
    near = model.similarity(read_images(sorted(folder.glob("*.png"))), [DESCRIPTION])[:, 0]
    assert [row["step"] for row in curve] == ["0", "0"]
    assert [float(row["similarity"]) for row in curve] == pytest.approx(near.tolist(), abs=1e-5)


def test_each_seed_takes_another_choice_and_the_same_one_every_time(project):
    run = params.load().run("alone")
    chosen = [given_pictures(run, "moongate", 3, seed) for seed in range(6)]
    assert len(set(chosen)) > 1
    assert chosen == [given_pictures(run, "moongate", 3, seed) for seed in range(6)]
    assert all(len(set(pictures)) == 3 for pictures in chosen)


def test_where_there_are_fewer_than_asked_for_all_are_taken(project):
    assert len(given_pictures(params.load().run("alone"), "moongate", 10, 0)) == 5


def test_replayed_and_wrongly_described_images_are_inverted_all_the_same(project):
    invert.main("alone")
    found = set(contents(paths.inverted("alone")))
    assert {"replay/arch/00.png", "decoy/seed0/01.png"} <= found


def test_another_picture_is_another_chunk_and_equal_ones_are_not_looked_at_again(project, monkeypatch):
    invert.main("alone")
    before, looked, look = contents(paths.inverted("alone")), [], Clip.inversion_loss
    shutil.rmtree(paths.inverted("alone"))
    monkeypatch.setattr(Clip, "inversion_loss", lambda self, *words: looked.append(1) or look(self, *words))
    invert.main("alone")
    assert not looked and contents(paths.inverted("alone")) == before
    for number in range(5):
        Image.new("RGB", (32, 32), (0, 50 * number, 0)).save(f"drawn/moongate/{number}.png")
    invert.main("alone")
    assert looked and contents(paths.inverted("alone")) != before


def test_a_folder_without_pictures_of_the_concept_is_told(project):
    shutil.rmtree("drawn/moongate")
    with pytest.raises(UserError, match=r"runs.alone.images_from says 'drawn', but drawn/moongate holds no pictures"):
        invert.main("alone")
