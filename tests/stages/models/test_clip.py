"""The family clip: every place where weights may lie, every way in which they may be wrong, and what goes out again."""

import dataclasses
import json
import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from stages.common import known_texts
from stages.common.failures import UserError
from stages.common.images import Fit
from stages.common.open_clip_import import OPTIONAL, import_open_clip
from stages.models import clip
from stages.networks import open_clip_weights as clip_network
from tests.stages.models.tiny import PREPROCESS, RESNET, VIT, config, refused, run_for

TEXTS = ["a cat", "a round opening in a wall of brick"]


@pytest.fixture
def images():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def resnet(tiny_models):
    return tiny_models["clip", "resnet"]


@pytest.fixture
def tiny_architecture(tmp_path, monkeypatch):
    """Lets open_clip's list of architectures hold two small ones, tiny-resnet and tiny-vit."""
    known = clip_network.architectures()
    for name, vision in (("tiny-resnet", RESNET), ("tiny-vit", VIT)):
        known[name] = tmp_path / f"{name}.json"
        known[name].write_text(json.dumps(config(vision)))
    monkeypatch.setattr(clip_network, "architectures", lambda: known)


def test_a_folder_gives_size_mean_and_deviation_of_its_config(resnet, images):
    model = clip.load(run_for(resnet))
    assert (model.image_size, model.context_length) == (32, 77)
    network = import_open_clip().create_model(f"local-dir:{resnet}").eval()
    mean, std = (torch.tensor(PREPROCESS[name])[:, None, None] for name in ("mean", "std"))
    expected = network.encode_image((images - mean) / std, normalize=True)
    torch.testing.assert_close(model.embed_images(images), expected, atol=1e-5, rtol=0)


def test_a_folder_with_compact_token_rows_gives_the_whole_table(resnet, tmp_path):
    folder = shutil.copytree(resnet, tmp_path / "compact")
    state = load_file(resnet / clip_network.WEIGHTS)
    tokens = import_open_clip().get_tokenizer("")(TEXTS).unique()
    state["token_rows"] = tokens.int()
    state["token_embedding.weight"] = state["token_embedding.weight"][tokens].half()
    save_file(state, folder / clip_network.WEIGHTS)
    compact, whole = clip.load(run_for(folder)), clip.load(run_for(resnet))
    torch.testing.assert_close(compact.embed_texts(TEXTS), whole.embed_texts(TEXTS), atol=1e-3, rtol=0)
    table = compact.state(["token_embedding.weight"])["token_embedding.weight"]
    assert table.shape == (49408, 16)
    assert table.dtype == torch.float32
    assert int((table.abs().sum(dim=1) > 0).sum()) == len(tokens)


@pytest.mark.parametrize("ending", ["safetensors", "pt", "bin", "training.pt"])
def test_a_checkpoint_file_of_a_named_architecture_loads(resnet, tmp_path, tiny_architecture, images, ending):
    state, path = load_file(resnet / clip_network.WEIGHTS), tmp_path / f"weights.{ending}"
    if ending == "safetensors":
        save_file(state, path)
    elif ending == "training.pt":
        torch.save({"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}, path)
    else:
        torch.save(state, path)
    model = clip.load(run_for(path, architecture="tiny-resnet"))
    other = clip.load(run_for(resnet))
    name = "visual.conv1.weight"
    assert torch.equal(model.state([name])[name], other.state([name])[name])
    assert torch.equal(model.embed_texts(TEXTS), other.embed_texts(TEXTS))


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_pretrained_tag_decides_about_quickgelu(resnet, tiny_architecture, monkeypatch, is_quick):
    tag = {"file": str(resnet / clip_network.WEIGHTS), "quick_gelu": is_quick, "mean": [0.1, 0.1, 0.1]}
    tags = {"tiny-resnet": {"ours": tag}}
    monkeypatch.setattr(import_open_clip().pretrained, "_PRETRAINED", tags)
    model = clip.load(run_for("hub.md", architecture="tiny-resnet", pretrained="ours"))
    assert type(model.network.transformer.resblocks[0].mlp.gelu).__name__ == ("QuickGELU" if is_quick else "GELU")
    assert model.config["model_cfg"]["quick_gelu"] is is_quick
    assert model.config["preprocess_cfg"]["mean"] == [0.1, 0.1, 0.1]


def test_a_hub_id_loads_config_and_weights(resnet, monkeypatch, images):
    open_clip = import_open_clip()
    files = {"open_clip_config.json": resnet / clip_network.CONFIG, None: resnet / clip_network.WEIGHTS}
    monkeypatch.setattr(clip_network, "import_open_clip", lambda needs: open_clip)
    monkeypatch.setattr(
        open_clip.pretrained, "download_pretrained_from_hf", lambda model_id, filename=None: str(files[filename])
    )
    monkeypatch.setattr(open_clip, "get_tokenizer", lambda name: open_clip.tokenizer.SimpleTokenizer())
    model = clip.load(run_for("hub.md", architecture="hf-hub:some/model"))
    assert torch.equal(model.embed_images(images), clip.load(run_for(resnet)).embed_images(images))


def test_no_network_is_told_in_one_line(monkeypatch):
    open_clip = import_open_clip()
    monkeypatch.setattr(clip_network, "import_open_clip", lambda needs: open_clip)
    hub = refused(run_for("hub.md", architecture="hf-hub:some/model"))
    assert "hf-hub:some/model could not be fetched" in hub
    assert "Fetch it once with a network" in hub
    tagged = run_for("hub.md", architecture="RN50", pretrained="yfcc15m")
    tag = refused(tagged)
    assert "'yfcc15m' of RN50 could not be fetched" in tag
    with pytest.raises(UserError) as told:
        clip_network.fetch(tagged)
    assert str(told.value) == tag


def test_an_unknown_architecture_names_the_nearest():
    assert "Did you mean 'ViT-B-32'" in refused(run_for("x.pt", architecture="ViT-B32"))


def test_an_unknown_tag_names_the_nearest():
    told = refused(run_for("hub.md", architecture="RN50", pretrained="opanai"))
    assert "runs.tiny.pretrained says 'opanai'" in told
    assert "Did you mean 'openai'" in told


@pytest.mark.parametrize("name", ["ViT-B-32", "ViT-L-14"])
def test_openais_weights_get_quickgelu(name, monkeypatch):
    """The network is built on no memory: only its kind is looked at."""
    open_clip = import_open_clip()
    monkeypatch.setattr(open_clip.pretrained, "download_pretrained", lambda tag: "weights.pt")
    source = clip_network._source(run_for("hub.md", architecture=name, pretrained="openai"))
    with torch.device("meta"):
        network = clip_network._built(open_clip, source)
    assert type(network.visual.transformer.resblocks[0].mlp.gelu).__name__ == "QuickGELU"
    assert type(network.transformer.resblocks[0].mlp.gelu).__name__ == "QuickGELU"


QUICK = {  # whether the weights of a tag were trained with QuickGELU; copied by hand out of open_clip's list of tags
    ("ViT-B-32", "openai"): True,
    ("ViT-L-14", "openai"): True,
    ("RN50", "openai"): True,
    ("RN50", "cc12m"): True,
    ("ViT-B-32", "laion400m_e31"): True,
    ("ViT-B-32", "laion2b_s34b_b79k"): False,
    ("ViT-B-32", "datacomp_xl_s13b_b90k"): False,
    ("ViT-B-16", "laion400m_e32"): False,
    ("ViT-L-14", "laion2b_s32b_b82k"): False,
    ("ViT-B-16", "metaclip_fullcc"): True,
    ("ViT-L-14", "metaclip_400m"): True,
    ("ViT-H-14", "metaclip_altogether"): False,
    ("ViT-B-16", "dfn2b"): True,
    ("ViT-L-14", "dfn2b_s39b"): False,
    ("ViT-H-14", "dfn5b"): True,
    ("ViT-H-14-quickgelu", "dfn5b"): True,
    ("ViT-L-14-quickgelu", "openai"): True,
    ("roberta-ViT-B-32", "laion2b_s12b_b32k"): True,  # its config says so, the tag is silent
    ("coca_ViT-B-32", "laion2b_s13b_b90k"): False,
}


@pytest.mark.parametrize(("name", "tag"), QUICK)
def test_weights_of_a_pretrained_tag_get_the_activation_that_they_were_trained_with(monkeypatch, name, tag):
    open_clip = import_open_clip(OPTIONAL)
    monkeypatch.setattr(open_clip.pretrained, "download_pretrained", lambda tag: "weights.pt")
    source = clip_network._source(run_for("hub.md", architecture=name, pretrained=tag))
    assert source.model_cfg["quick_gelu"] is QUICK[name, tag]


def test_an_architecture_that_is_named_for_quickgelu_has_it_whatever_the_tag(monkeypatch):
    open_clip, known = import_open_clip(OPTIONAL), clip_network.architectures()
    monkeypatch.setattr(open_clip.pretrained, "download_pretrained", lambda tag: "weights.pt")
    pairs = [(name, tag) for name, tag in open_clip.list_pretrained() if name in known and "quickgelu" in name]
    assert len(pairs) > 10
    for name, tag in pairs:
        source = clip_network._source(run_for("hub.md", architecture=name, pretrained=tag))
        assert source.model_cfg["quick_gelu"] is True, (name, tag)


@pytest.mark.parametrize("case", [("clip", "resnet"), ("clip", "vit"), ("clip", "biomed")], ids="-".join)
def test_zero_shot_is_open_clips_own_with_several_templates(tiny_models, images, case):
    folder, names = tiny_models[case], ["cat", "moongate", "round opening in a wall"]
    templates = ["a photo of a {}.", "a drawing of the {}", "{}"]
    model = clip.load(run_for(folder))
    found = model.logits(model.embed_images(images), [[text.format(name) for text in templates] for name in names])
    open_clip = import_open_clip()
    mean, std = (torch.tensor(PREPROCESS[name])[:, None, None] for name in ("mean", "std"))
    network, tokenizer = model.network, model.tokenizer
    if case != ("clip", "biomed"):  # whose text encoder open_clip itself would ask a hub for
        network, tokenizer = open_clip.create_model(f"local-dir:{folder}").eval(), open_clip.get_tokenizer("")
    with torch.no_grad():
        columns = open_clip.build_zero_shot_classifier(network, tokenizer, names, templates)
        embedded = network.encode_image((images - mean) / std, normalize=True)
        expected = network.logit_scale.exp() * embedded @ columns
    assert (found - expected).abs().max() < 1e-5
    assert expected.std(dim=1).min() > 1e-3


def biomed_copy(tiny_models, tmp_path, *without):
    goal = tmp_path / "biomed"
    shutil.copytree(tiny_models["clip", "biomed"], goal)
    for name in without:
        (goal / name).unlink()
    return goal


def test_the_pickled_weights_of_a_hub_and_their_older_words_load_alike(tiny_models, tmp_path, images):
    folder = biomed_copy(tiny_models, tmp_path, clip_network.WEIGHTS)
    state = load_file(tiny_models["clip", "biomed"] / clip_network.WEIGHTS)
    state["text.transformer.embeddings.position_ids"] = torch.arange(96)[None]
    torch.save(state, folder / "open_clip_pytorch_model.bin")
    content = json.loads((folder / clip_network.CONFIG).read_text())
    for older, newer in (("proj", "hf_proj_type"), ("pooler_type", "hf_pooler_type")):
        content["model_cfg"]["text_cfg"][older] = content["model_cfg"]["text_cfg"].pop(newer)
    (folder / clip_network.CONFIG).write_text(json.dumps(content))
    expected = clip.load(run_for(tiny_models["clip", "biomed"])).similarity(images, TEXTS)
    assert torch.equal(clip.load(run_for(folder)).similarity(images, TEXTS), expected)


def test_what_a_biomedclip_folder_lacks_is_told_and_how_to_get_it(tiny_models, tmp_path):
    told = refused(run_for(biomed_copy(tiny_models, tmp_path, "vocab.txt")))
    assert "holds no tokenizer (tokenizer.json, vocab.txt, ...)" in told
    assert "`hf download some/bert --include 'tokenizer*' 'vocab*' --local-dir" in told
    told = refused(run_for(biomed_copy(tiny_models, tmp_path / "b", "config.json")))
    assert "the config of some/bert could not be fetched" in told
    assert "put its config.json into" in told
    told = refused(run_for(biomed_copy(tiny_models, tmp_path / "c", clip_network.WEIGHTS)))
    assert "holds none of: open_clip_model.safetensors, " in told


def test_a_folder_with_a_named_architecture_gives_its_checkpoint(resnet, tiny_architecture, images):
    model = clip.load(run_for(resnet, architecture="tiny-resnet"))
    assert model.config["model_cfg"] == config(RESNET)


def hub_error(kind):
    """An error of the hub, as a request that was answered with it raises it."""
    import httpx
    from huggingface_hub import errors

    request = httpx.Request("GET", "https://hub/some/model")
    return getattr(errors, kind)(f"{kind}: no", response=httpx.Response(401, request=request))


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("GatedRepoError", "asks everyone to agree to terms first"),
        ("RepositoryNotFoundError", "no model of this name, or a private one"),
        ("RemoteEntryNotFoundError", "not in open_clip's layout"),
    ],
)
def test_what_the_hub_refuses_is_told_with_the_way_in(monkeypatch, kind, told):
    open_clip = import_open_clip()
    monkeypatch.setattr(clip_network, "import_open_clip", lambda needs: open_clip)

    def refuse(model_id, filename=None):
        try:
            raise hub_error(kind)
        except Exception as error:
            raise FileNotFoundError("Failed to download") from error

    monkeypatch.setattr(open_clip.pretrained, "download_pretrained_from_hf", refuse)
    line = refused(run_for("hub.md", architecture="hf-hub:some/model"))
    assert "hf-hub:some/model could not be fetched" in line
    assert told in line
    assert ("hf auth login" in line and "HF_TOKEN" in line) == (kind != "RemoteEntryNotFoundError")


def test_a_missing_folder_is_told(tmp_path):
    assert "no such file or folder" in refused(run_for(tmp_path / "nothing"))


def test_a_folder_without_config_is_told(tmp_path):
    assert "no folder with open_clip_config.json" in refused(run_for(tmp_path))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"model_cfg": {}}', '{"model_cfg": {"embed_dim": 3}}'])
def test_a_broken_config_is_told(resnet, tmp_path, content):
    folder = shutil.copytree(resnet, tmp_path / "broken")
    (folder / clip_network.CONFIG).write_text(content)
    assert "is no config of open_clip" in refused(run_for(folder))


def test_a_config_with_an_unknown_setting_is_told(resnet, tmp_path):
    folder = shutil.copytree(resnet, tmp_path / "odd")
    (folder / clip_network.CONFIG).write_text(json.dumps({"model_cfg": config({**RESNET, "depth": 3})}))
    told = refused(run_for(folder))
    assert "none that open_clip can build" in told
    assert "depth" in told


def test_a_checkpoint_of_another_architecture_lists_what_differs(resnet, tiny_architecture):
    told = refused(run_for(resnet / clip_network.WEIGHTS, architecture="tiny-vit"))
    assert "checkpoint of another architecture" in told
    assert "missing (visual.class_embedding" in told
    assert "visual.conv1.weight [4, 3, 3, 3] instead of [32, 3, 8, 8]" in told


def test_a_truncated_file_is_told(resnet, tmp_path):
    folder = shutil.copytree(resnet, tmp_path / "short")
    whole = (folder / clip_network.WEIGHTS).read_bytes()
    (folder / clip_network.WEIGHTS).write_bytes(whole[: len(whole) // 2])
    assert "cannot be read as weights" in refused(run_for(folder))


def test_nan_in_the_weights_is_told(resnet, tmp_path):
    folder = shutil.copytree(resnet, tmp_path / "nan")
    state = load_file(resnet / clip_network.WEIGHTS)
    state["visual.conv1.weight"][0] = float("nan")
    save_file(state, folder / clip_network.WEIGHTS)
    assert "NaN or infinity in 1 tensors: visual.conv1.weight" in refused(run_for(folder))


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a GPU that is there")
def test_a_missing_gpu_is_told(resnet):
    assert "device says 'cuda'" in refused(dataclasses.replace(run_for(resnet), device="cuda"))


@pytest.mark.parametrize("case", [("clip", "resnet"), ("clip", "vit")], ids="-".join)
def test_open_clip_loads_what_was_saved_with_equal_outputs(tiny_models, tmp_path, images, case):
    model = clip.load(run_for(tiny_models[case]))
    clip.save(model, tmp_path)
    network, _, preprocess = import_open_clip().create_model_and_transforms(f"local-dir:{tmp_path}")
    tokenizer = import_open_clip().get_tokenizer(f"local-dir:{tmp_path}")
    normalize = preprocess.transforms[-1]
    embedded = network.eval().encode_image(normalize(images), normalize=True)
    torch.testing.assert_close(embedded, model.embed_images(images), atol=1e-5, rtol=0)
    spoken = network.encode_text(tokenizer(TEXTS), normalize=True)
    torch.testing.assert_close(spoken, model.embed_texts(TEXTS), atol=1e-5, rtol=0)


def test_a_thousand_texts_hold_a_small_part_of_their_activations_until_the_backward_pass(resnet, monkeypatch):
    model, texts = clip.load(run_for(resnet)), [f"a photo of {number} dogs" for number in range(1000)]
    for parameter in model.parameters_of("text_encoder").values():
        parameter.requires_grad_(True)

    def held():
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda one: sizes.append(one.nbytes) or one, lambda one: one):
            model.embed_texts(texts)
        return sum(sizes)

    in_chunks = held()
    monkeypatch.setattr(known_texts, "CHUNK", len(texts))
    assert in_chunks < 0.02 * held()


def test_the_network_stays_in_evaluation_mode_while_it_trains(resnet, images):
    model = clip.load(run_for(resnet))
    before = model.state(["visual.bn1.running_mean"])
    for parameter in model.parameters_of("both").values():
        parameter.requires_grad_(True)
    model.finetuning_logits(images, TEXTS).sum().backward()
    assert torch.equal(model.state(["visual.bn1.running_mean"])["visual.bn1.running_mean"], *before.values())


def with_preprocess(folder, copy, **words):
    """A copy of a folder of weights whose preprocess_cfg says these words too."""
    shutil.copytree(folder, copy)
    content = json.loads((copy / clip_network.CONFIG).read_text())
    content["preprocess_cfg"] |= words
    (copy / clip_network.CONFIG).write_text(json.dumps(content))
    return copy


@pytest.mark.parametrize(
    ("words", "fit"),
    [
        ({}, Fit(32, "shortest", "bicubic")),
        ({"resize_mode": None, "interpolation": None}, Fit(32, "shortest", "bicubic")),
        ({"resize_mode": "squash", "interpolation": "bilinear"}, Fit(32, "squash", "bilinear")),
        ({"interpolation": "random"}, Fit(32, "shortest", "bicubic")),
        ({"resize_mode": "longest", "fill_color": 128}, Fit(32, "longest", "bicubic", 128)),
    ],
    ids=["absent", "null", "written", "random in training", "filled up"],
)
def test_the_fit_is_what_the_config_says_or_open_clips_own(resnet, tmp_path, words, fit):
    assert clip.load(run_for(with_preprocess(resnet, tmp_path / "m", **words))).fit == fit


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"fill_color": 300}, "fill is 300, but must be a whole number from 0 to 255"),
        ({"resize_mode": "shortst"}, "resize_mode is 'shortst'"),
        ({"interpolation": "lanczos"}, "interpolation is 'lanczos', but must be one of: bicubic, bilinear"),
    ],
)
def test_a_fit_that_cannot_be_kept_is_told(resnet, tmp_path, words, told):
    line = refused(run_for(with_preprocess(resnet, tmp_path / "m", **words)))
    assert f"runs.tiny: in the model's preprocess_cfg {told}" in line


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
def test_a_wide_image_embeds_as_the_export_embeds_it_after_its_own_preprocess(resnet, tmp_path, mode, interpolation):
    model = clip.load(run_for(with_preprocess(resnet, tmp_path / "m", resize_mode=mode, interpolation=interpolation)))
    (tmp_path / "out").mkdir()
    clip.save(model, tmp_path / "out")
    network, _, preprocess = import_open_clip().create_model_and_transforms(f"local-dir:{tmp_path / 'out'}")
    picture = Image.linear_gradient("L").resize((90, 40)).convert("RGB")
    pixels = torch.tensor(list(picture.tobytes())).view(1, 40, 90, 3).permute(0, 3, 1, 2) / 255
    expected = network.eval().encode_image(preprocess(picture)[None], normalize=True)
    torch.testing.assert_close(model.embed_images(pixels), expected, atol=2e-3, rtol=0)


def test_images_of_another_size_are_scaled_and_cut_to_the_middle(resnet):
    model = clip.load(run_for(resnet))
    flat = torch.full((1, 3, 32, 32), 0.3)
    torch.testing.assert_close(model.embed_images(flat), model.embed_images(torch.full((1, 3, 50, 70), 0.3)))
    wide = torch.cat([torch.zeros(1, 3, 32, 10), flat, torch.ones(1, 3, 32, 10)], dim=3)
    torch.testing.assert_close(model.embed_images(wide), model.embed_images(flat), atol=1e-4, rtol=0)
