"""invert: a run whose model is one joint encoder, whose images are made to match their descriptions."""

import json
import shutil

import pytest

from stages import invert
from stages.common import paths
from stages.common.failures import UserError
from stages.common.images import read_images
from stages.models import vilt
from tests.stages import whole_project
from tests.stages.whole_project import CONCEPTS, change_params, contents

RECIPES = """\
      paper: {learning_rates: [1.01e-3, 1.04e-3]}
      replay: {learning_rates: [1.0e-3], epochs: 2}
"""
SHORT = "invert: {images: 2, steps: 4, affine: {rotation_deg: 10}}"
LONG = "invert: {preset: vilt, images: 2, steps: 30, start_px: 8, grow_at: [5, 10]}"


@pytest.fixture
def project(tiny_models, tmp_path, monkeypatch):
    """A project whose runs are of the tiny ViLT, with nothing made yet."""
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, invert)
    whole_project.build(tiny_models["vilt", "b32"])
    change_params("family: clip", "family: vilt")
    change_params(RECIPES, "      matching: {learning_rates: [1.0e-3]}\n")


def test_images_match_their_descriptions_and_the_record_says_how_likely(project, tiny_models):
    change_params(SHORT, LONG)
    invert.main("both")
    folder, model = paths.inverted("both"), vilt.read(tiny_models["vilt", "b32"])
    record = json.loads((folder / "inversion.json").read_text())
    assert (record["settings"]["start"], record["settings"]["weight_decay"]) == ("normal", 0.01)
    for key, text in CONCEPTS.items():
        images = read_images(sorted((folder / key / "seed0").glob("*.png")))
        assert images.shape == (2, 3, 32, 32)
        matches = model.matching_logits(images, [text] * 2).softmax(dim=1)[:, 1]
        assert record["similarity"][f"{key}, seed 0"] == pytest.approx(matches.mean().item(), abs=0.02)
        assert matches.min() > 0.5


def test_a_concepts_bytes_do_not_depend_on_what_else_the_run_teaches(project):
    invert.main("both")
    shutil.rmtree(paths.CACHE / "inverted")
    invert.main("alone")
    together, alone = (contents(paths.inverted(run)) for run in ("both", "alone"))
    shared = [file for file in together if file.startswith(("moongate/", "replay/"))]
    assert len(shared) == 2 * 3 + 2 + 3
    assert all(together[file] == alone[file] for file in shared)


def test_a_distance_between_vectors_is_refused_before_the_model_loads(project, monkeypatch):
    change_params(SHORT, "invert: {preset: reference, images: 2, steps: 4}")
    monkeypatch.setattr(vilt, "load", None)
    with pytest.raises(UserError, match=r"runs.both.invert says distance 'euclidean', but 'vilt' is one joint encoder"):
        invert.main("both")


def test_a_caption_of_more_than_40_tokens_is_refused_before_any_image(project):
    whole_project.write_lesson("alone", {"moongate": "a round opening in a wall " * 7})
    with pytest.raises(UserError, match=r"captions/moongate.yaml: the caption has \d+ tokens, the model reads 40"):
        invert.main("alone")
    assert not paths.inverted("alone").exists()
