"""The family coca: what is open_clip's own, what it refuses, and tokens that its training never met."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from stages.common.images import Fit
from stages.common.open_clip_import import import_open_clip
from stages.models import coca
from stages.networks import open_clip_weights
from stages.networks.open_clip_weights import CONFIG, WEIGHTS
from tests.stages.models.tiny import POOLED, PREPROCESS, VIT, clip_folder, coca_config, coca_folder, refused, run_for

TEXTS = ["a cat", "a round opening in a wall of brick"]
TAGS = {"laion2b_s13b_b90k", "mscoco_finetuned_laion2b_s13b_b90k"}


@pytest.fixture
def images():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def folder(tiny_models):
    return tiny_models["coca", "pooled"]


def normalised(images):
    mean, std = (torch.tensor(PREPROCESS[name])[:, None, None] for name in ("mean", "std"))
    return (images - mean) / std


def test_embeddings_and_scores_are_those_of_open_clips_own_forward_pass(folder, images):
    model = coca.load(run_for(folder, "coca"))
    network, tokenizer = (
        import_open_clip().create_model(f"local-dir:{folder}").eval(),
        import_open_clip().get_tokenizer(""),
    )
    tokens = tokenizer(TEXTS * 2, context_length=76)[:3]
    with torch.no_grad():
        expected = network(normalised(images), tokens)
    torch.testing.assert_close(model.embed_images(images), expected["image_features"], atol=1e-5, rtol=0)
    torch.testing.assert_close(model.embed_texts(TEXTS)[1], expected["text_features"][1], atol=1e-5, rtol=0)
    own = model.caption_logits(model.seen(images), tokens[:, :-1])
    torch.testing.assert_close(own, expected["logits"], atol=1e-4, rtol=0)


def test_open_clip_loads_what_was_saved_with_equal_outputs(folder, tmp_path, images):
    model = coca.load(run_for(folder, "coca"))
    with torch.no_grad():
        for parameter in model.parameters_of("decoder").values():
            parameter.mul_(1.1)
    coca.save(model, tmp_path)
    network, _, preprocess = import_open_clip().create_model_and_transforms(f"local-dir:{tmp_path}")
    tokens = import_open_clip().get_tokenizer(f"local-dir:{tmp_path}")(TEXTS)
    assert tokens.shape == (2, 76)
    found = network.eval()(preprocess.transforms[-1](images[:2]), tokens, output_labels=False)
    torch.testing.assert_close(found["image_features"], model.embed_images(images[:2]), atol=1e-5, rtol=0)
    own = model.caption_logits(model.seen(images[:2]), tokens)
    torch.testing.assert_close(found["logits"], own, atol=1e-4, rtol=0)


def test_the_published_weights_are_those_that_open_clip_lists():
    for name in ("coca_ViT-B-32", "coca_ViT-L-14"):
        assert set(import_open_clip().pretrained.list_pretrained_tags_by_model(name)) == TAGS


def test_the_published_architectures_can_be_built_and_have_all_parts(monkeypatch):
    """The networks are built on no memory: only their makeup is looked at."""
    open_clip = import_open_clip()
    monkeypatch.setattr(open_clip.pretrained, "download_pretrained", lambda tag: "weights.pt")
    for name in ("coca_ViT-B-32", "coca_ViT-L-14"):
        source = open_clip_weights._source(run_for("hub.md", "coca", architecture=name, pretrained="laion2b_s13b_b90k"))
        with torch.device("meta"):
            network = open_clip_weights._built(open_clip, source)
        config = {**source.model_cfg, "preprocess_cfg": PREPROCESS}
        fit = Fit(224)
        model = coca.Coca(network, open_clip.get_tokenizer(name), config, fit=fit, device=torch.device("meta"))
        blocks = len(network.visual.transformer.resblocks)
        assert model.max_tokens == model.context_length == 76
        assert model.blocks_below(model.parameters_of("head")) == blocks
        assert model.blocks_below(model.parameters_of("last_stage")) == blocks - blocks // 4
        assert not {*model.parameters_of("both")} & {*model.parameters_of("decoder")}


def test_what_pools_for_the_decoder_belongs_to_the_head_of_the_visual_encoder(folder):
    model = coca.load(run_for(folder, "coca"))
    head, decoder = model.parameters_of("head"), model.parameters_of("decoder")
    assert {"visual.attn_pool.query", "visual.ln_post.weight", "visual.proj"} <= head.keys()
    assert "text_decoder.text_projection" in decoder and "text_decoder.cross_attn.1.ln_1_kv.weight" in decoder
    named = {name for name, _ in model.network.named_parameters()}
    assert named - {*model.parameters_of("both")} - {*decoder} == {"logit_scale"}


def test_what_the_tower_hides_behind_padding_is_hidden_while_it_writes(folder, images):
    model = coca.load(run_for(folder, "coca"))
    tokens = torch.tensor(
        [[49406, 5, 0, 7, 0, 0, 9, 11], [49406, 0, 320, 5, 9, 0, 4, 1]]
    )  # 0 is an exclamation mark, too
    seen = model.seen(images[:2])
    writing = model.writing(seen)
    written = torch.stack([writing.next(column) for column in tokens.T], dim=1)
    torch.testing.assert_close(written, model.caption_logits(seen, tokens), atol=1e-4, rtol=0)


def with_weights(folder, copy, **changed):
    """The model of a copy of a folder with other tensors."""
    shutil.copytree(folder, copy)
    save_file({**load_file(folder / WEIGHTS), **changed}, copy / WEIGHTS)
    return coca.load(run_for(copy, "coca"))


def test_a_token_that_training_never_met_has_one_low_score_whatever_is_seen_and_written(folder, tmp_path, images):
    state, met = load_file(folder / WEIGHTS), import_open_clip().get_tokenizer("")(TEXTS).unique()
    norm = {"text_decoder.ln_final.bias": torch.linspace(0, 0.3, 16)}
    rows = state["text.token_embedding.weight"][met].half()
    columns = state["text_decoder.text_projection"][:, met].half().contiguous()
    few = {"text.token_embedding.weight": rows, "text_decoder.text_projection": columns, "token_rows": met.int()}
    model, whole = with_weights(folder, tmp_path / "few", **norm, **few), with_weights(folder, tmp_path / "all", **norm)
    tokens = model.caption_tokens(TEXTS)
    scores = model.caption_logits(model.seen(images[:2]), tokens)
    expected = whole.caption_logits(whole.seen(images[:2]), tokens)
    torch.testing.assert_close(scores[..., met], expected[..., met], atol=0.02, rtol=0)
    never = torch.ones(scores.shape[-1], dtype=torch.bool).index_fill(0, met, False)
    torch.testing.assert_close(scores[..., never], torch.full_like(scores[..., never], -30), atol=0.01, rtol=0)


def test_a_model_without_a_decoder_is_refused_and_its_family_named(tmp_path):
    clip_folder(VIT)(tmp_path)
    told = refused(run_for(tmp_path, "coca"))
    assert "runs.tiny.family says 'coca', but the config of" in told
    assert told.endswith("has no multimodal_cfg, and so no decoder: write family: clip.")


def test_a_model_with_a_decoder_is_refused_by_the_family_clip_which_names_its_own(folder):
    told = refused(run_for(folder, "clip"))
    assert told.endswith("has a multimodal_cfg, a decoder of captions: write family: coca.")


@pytest.mark.parametrize("words", [{"no_causal_mask": True}, {"embed_cls": False}, {"qk_norm": True}], ids=str)
def test_a_text_encoder_of_another_make_is_refused(tmp_path, words):
    coca_folder(POOLED, **words)(tmp_path)
    told = refused(run_for(tmp_path, "coca"))
    assert f"no sentence can be written with {tmp_path}: its text encoder does not read from left to right" in told


def test_a_config_that_open_clip_cannot_build_is_told(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "odd")
    (copy / CONFIG).write_text(json.dumps({"model_cfg": coca_config({**POOLED, "depth": 3})}))
    assert "none that open_clip can build" in refused(run_for(copy, "coca"))
