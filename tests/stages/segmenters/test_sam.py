"""What is special about the SAMs: one look at a picture, what they are told, and which weights they refuse."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from stages.common import lookup
from stages.common.failures import UserError
from stages.common.segmenting import Settings
from stages.segmenters.contract import Prompt
from tests.stages.segmenters.tiny import FOLDERS

HEIGHT, WIDTH = 50, 30
PICTURE = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
WHERE = "params.yaml: runs.tiny.segmentation"


def prompt(y0, y1, x0, x1):
    saliency = np.random.default_rng(y0).random((HEIGHT, WIDTH), np.float32)
    coarse = np.zeros((HEIGHT, WIDTH), bool)
    coarse[y0:y1, x0:x1] = True
    return Prompt(saliency, coarse)


PROMPTS = [prompt(5, 20, 3, 12), prompt(25, 45, 10, 28), prompt(30, 50, 5, 30)]


@pytest.fixture(params=list(FOLDERS))
def name(request):
    return request.param


@pytest.fixture
def folder(name, tmp_path):
    FOLDERS[name](tmp_path)
    return tmp_path


def loaded(name, weights, **settings):
    asked = Settings(segmenter=name, weights=str(weights), **settings)
    return lookup.find("stages.segmenters", name, "a test").load(asked, torch.device("cpu"), WHERE)


def refused(name, weights):
    with pytest.raises(UserError) as told:
        loaded(name, weights)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize("prompts", ["box", "point", "both"])
def test_masks_are_those_of_transformers_asked_one_by_one(name, folder, prompts):
    """All components are kept, so that nothing is done to a mask."""
    sam = loaded(name, folder, prompts=prompts, components=HEIGHT * WIDTH)
    boxes = [[3, 5, 12, 20], [10, 25, 28, 45], [5, 30, 29, 49]]
    network, processor = sam.prompted.network, sam.prompted.processor
    for one, mask, box in zip(PROMPTS, sam.masks(PICTURE, PROMPTS), boxes, strict=True):
        words = {"input_boxes": [[box]]} if prompts != "point" else {}
        if prompts != "box":
            chosen = sam.prompted._words(one.saliency, one.coarse)["input_points"]
            assert all(one.coarse[y, x] for x, y in chosen) and len(chosen) == 10
            words |= {"input_points": [[chosen]], "input_labels": [[[1] * 10]]}
        inputs = processor(Image.fromarray(PICTURE), return_tensors="pt", **words)
        known = {name: inputs[name] for name in ("original_sizes", "reshaped_input_sizes") if name in inputs}
        asked = {name: value for name, value in inputs.items() if name not in known}
        asked = {name: value.float() if value.is_floating_point() else value for name, value in asked.items()}
        with torch.no_grad():
            found = network(**asked, multimask_output=False).pred_masks
        expected = processor.post_process_masks(found, *known.values())[0][0, 0].numpy()
        assert (mask != expected).mean() < 0.01


def test_a_picture_is_encoded_once_for_all_prompts(name, folder):
    sam, looks = loaded(name, folder), []
    sam.prompted.network.vision_encoder.register_forward_hook(lambda *_: looks.append(1))
    sam.masks(PICTURE, PROMPTS)
    assert looks == [1]


def test_of_a_mask_the_largest_components_stay(name, folder):
    few, all_of_it = (loaded(name, folder, components=n).masks(PICTURE, PROMPTS) for n in (1, HEIGHT * WIDTH))
    assert (few <= all_of_it).all() and few.any()


def test_a_broken_folder_is_told_in_one_line(name, folder):
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    assert "cannot be read" in refused(name, folder)
    weights.unlink()
    assert "cannot be read" in refused(name, folder) and "model.safetensors" in refused(name, folder)


def test_a_pickled_checkpoint_is_not_read(name, folder):
    (folder / "model.safetensors").unlink()
    torch.save({"a": torch.ones(1)}, folder / "pytorch_model.bin")
    assert "cannot be read" in refused(name, folder)


def test_weights_of_another_kind_are_refused(name, folder):
    other = {"sam": "sam2", "sam2": "sam"}[name]
    told = refused(other, folder)
    assert f"whose config.json is of a '{name}'; it must be a {other}" in told


def test_tensors_that_are_missing_are_named(name, folder):
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    gone = next(key for key in state if key.startswith("mask_decoder."))
    save_file(
        {key: value for key, value in state.items() if key != gone}, folder / "model.safetensors", {"format": "pt"}
    )
    assert f"lacks 1 tensors of it, such as {gone}" in refused(name, folder)


def test_without_a_network_the_hub_cannot_be_asked(name):
    told = refused(name, "someone/some-sam")
    assert "could not be fetched" in told and "hf download someone/some-sam" in told


def test_a_published_sam_2_calls_itself_one_for_videos(tmp_path):
    FOLDERS["sam2"](tmp_path)
    before = loaded("sam2", tmp_path).masks(PICTURE, PROMPTS)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "sam2_video"}))
    assert (loaded("sam2", tmp_path).masks(PICTURE, PROMPTS) == before).all()
