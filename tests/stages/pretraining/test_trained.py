"""A folder of weights says by its files of which family it is."""

import json

import pytest

from stages.common.failures import UserError
from stages.models import clip, coca, vilt
from stages.pretraining import trained
from tests.stages import whole_project


def test_the_family_is_told_by_the_files(tmp_path):
    for name in ("clip", "coca", "vilt", "medclip"):
        (tmp_path / name).mkdir()
    (tmp_path / "clip" / "open_clip_config.json").write_text("{}")
    (tmp_path / "coca" / "open_clip_config.json").write_text(json.dumps({"model_cfg": {"multimodal_cfg": {}}}))
    (tmp_path / "vilt" / "config.json").write_text(json.dumps({"model_type": "vilt"}))
    assert trained.family_of(tmp_path / "clip") is clip and trained.family_of(tmp_path / "vilt") is vilt
    assert trained.family_of(tmp_path / "coca") is coca
    (tmp_path / "medclip" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    for name in ("medclip", "nothing"):
        with pytest.raises(UserError, match=f"{name} must hold open_clip_config.json of a CLIP or CoCa"):
            trained.family_of(tmp_path / name)


def test_a_model_is_loaded_from_its_folder_whatever_the_runs_say(tmp_path, monkeypatch, tiny_models):
    monkeypatch.chdir(tmp_path)
    whole_project.build(tmp_path / "elsewhere")
    assert isinstance(trained.model_in(tiny_models["clip", "resnet"]), clip.Clip)
