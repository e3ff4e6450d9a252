"""BiomedCLIP in the layout in which MedCLIP-SAMv2 publishes it."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from stages.common import biomedclip, weight_files
from stages.common.failures import UserError
from stages.models import clip
from tests.stages.models.tiny import published_biomed, refused, run_for

TEXTS = ["a photo of a lung", "opacity of the left lung", "dogs on a street"]


@pytest.fixture
def published(tiny_models, tmp_path):
    """A published folder that a test may change."""
    goal = tmp_path / "published"
    shutil.copytree(tiny_models["clip", "biomed_published"], goal)
    return goal


@pytest.fixture
def own(tiny_models, tmp_path):
    """The same model in open_clip's layout, with the preprocessing that the published one has."""
    goal = tmp_path / "own"
    shutil.copytree(tiny_models["clip", "biomed"], goal)
    config = json.loads((goal / weight_files.CONFIG).read_text())
    (goal / weight_files.CONFIG).write_text(json.dumps({**config, "preprocess_cfg": biomedclip.PREPROCESS}))
    return goal


@pytest.fixture
def images():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def loaded(folder: Path):
    return clip.load(run_for(folder))


def assert_alike(first, second, images):
    torch.testing.assert_close(first.embed_images(images), second.embed_images(images), atol=1e-5, rtol=0)
    torch.testing.assert_close(first.embed_texts(TEXTS), second.embed_texts(TEXTS), atol=1e-5, rtol=0)


def changed(folder: Path, **words):
    """Words of the config.json, or of what they name in it."""
    config = json.loads((folder / "config.json").read_text())
    for name, value in words.items():
        config[name] = {**config[name], **value} if isinstance(value, dict) else value
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_it_embeds_as_the_same_model_in_open_clips_layout(published, own, images):
    found, expected = loaded(published), loaded(own)
    assert_alike(found, expected, images)
    assert found.network.logit_scale == expected.network.logit_scale
    assert found.config["preprocess_cfg"]["mean"] == [0.48145466, 0.4578275, 0.40821073]
    assert (found.image_size, found.context_length) == (32, 96)  # 256, but this BERT has 96 places


def test_safetensors_are_read_as_well(published, own, images):
    state = torch.load(published / "pytorch_model.bin", weights_only=True)
    save_file(state, published / "model.safetensors")
    (published / "pytorch_model.bin").unlink()
    assert_alike(loaded(published), loaded(own), images)


def test_every_tensor_has_a_name_in_each_layout(tiny_models):
    state = load_file(tiny_models["clip", "biomed"] / weight_files.OPEN_CLIP[0])
    found = biomedclip.in_open_clips_names(published_biomed(state))
    assert found.keys() - {"vision_model.embeddings.position_ids"} == state.keys()
    assert all(torch.equal(found[name].reshape(value.shape), value) for name, value in state.items())
    assert biomedclip.in_open_clips_names(state) is state


def test_what_is_saved_is_in_open_clips_layout_and_names_no_folder_that_is_gone(published, tmp_path, images):
    model, goal = loaded(published), tmp_path / "saved"
    goal.mkdir()
    clip.save(model, goal)
    assert not weight_files.is_biomedclip(goal)
    assert_alike(loaded(goal), model, images)
    said = "".join(path.read_text() for path in goal.glob("*.json"))
    assert "/tmp" not in said and str(tmp_path) not in said
    assert json.loads((goal / "config.json").read_text())["model_type"] == "bert"


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.model."])
def test_a_checkpoint_of_open_clips_own_training_is_read(own, images, prefix):
    expected, weights = loaded(own), own / weight_files.OPEN_CLIP[0]
    state = {f"{prefix}{name}": value for name, value in load_file(weights).items()}
    weights.unlink()
    optimizer = {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.98)}]}
    checkpoint = {"epoch": 3, "name": "a run", "state_dict": state, "optimizer": optimizer}
    torch.save(checkpoint, own / "open_clip_pytorch_model.bin")
    assert_alike(loaded(own), expected, images)


@pytest.mark.parametrize("gone", ["pytorch_model.bin", "vocab.txt"])
def test_what_is_lacking_is_told_with_the_page_that_helps(published, gone):
    (published / gone).unlink()
    told = refused(run_for(published))
    assert gone in told and biomedclip.PAGE in told


def test_sizes_that_timm_has_no_name_for_are_refused(published):
    told = refused(run_for(changed(published, vision_config={"hidden_size": 65})))
    assert "vision_config has hidden_size 65" in told and "vit_base_patch16_224" in told


def test_another_activation_is_refused(published):
    assert "hidden_act quick_gelu" in refused(run_for(changed(published, vision_config={"hidden_act": "quick_gelu"})))


def test_a_text_encoder_that_is_none_is_refused(published):
    told = refused(run_for(changed(published, text_config={"hidden_size": "wide"})))
    assert "text_config describes no BERT" in told


def test_a_checkpoint_of_other_sizes_is_refused(published):
    told = refused(run_for(changed(published, projection_dim=8)))
    assert "is a checkpoint of another architecture" in told and str(published) in told


def test_the_layout_is_known_by_its_config_alone(published, own, tmp_path):
    wanted = weight_files.wanted(run_for(published))
    assert wanted == (("model.safetensors", "pytorch_model.bin"), ("vocab.txt", "tokenizer.json"))
    assert weight_files.wanted(run_for(own))[0] == (weight_files.CONFIG,)
    assert weight_files.is_biomedclip(published) and not weight_files.is_biomedclip(own)
    for content in ("", "[]", "{}", '{"model_type": "clip"}', '{"model_type": "clip", "text_config": 3}'):
        (published / "config.json").write_text(content)
        assert not weight_files.is_biomedclip(published)
    assert not weight_files.is_biomedclip(tmp_path / "none")


def test_the_published_sizes_are_assumed_where_the_config_says_nothing(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "clip", "text_config": {"model_type": "bert"}}')
    with pytest.raises(UserError, match="holds no tokenizer"), biomedclip.open_clip_folder(tmp_path):
        pass
    (tmp_path / "vocab.txt").write_text("[PAD]\n")
    with biomedclip.open_clip_folder(tmp_path) as made:
        config = json.loads((made / weight_files.CONFIG).read_text())["model_cfg"]
    assert not made.exists()
    assert config["vision_cfg"]["timm_model_name"] == "vit_base_patch16_224"
    assert (config["vision_cfg"]["image_size"], config["embed_dim"], config["text_cfg"]["context_length"]) == (
        224,
        512,
        256,
    )
