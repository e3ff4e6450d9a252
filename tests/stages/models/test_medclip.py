"""The family medclip: the published checkpoint read as it is, its recipe step by step, and what is told on failure."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, BertTokenizer, SwinConfig, SwinModel

from stages.common.images import Fit, fit_images, fit_picture
from stages.models import medclip
from stages.networks import medclip as medclip_network
from tests.stages.models.tiny import BERT, SWIN, medclip_config, refused, run_for

CLASSES = [
    ["left lung opacity", "opacity", "a photo of an opacity, a dog on the left lung"],
    ["heart", "a heart, left"],
    ["lung"],
]


@pytest.fixture
def swin(tiny_models):
    return tiny_models["medclip", "swin"]


@pytest.fixture
def xrays():
    """Grey pictures of several shapes, one of them in colour."""
    chance = numpy.random.default_rng(0)
    grey = [Image.fromarray(chance.integers(0, 256, shape, dtype=numpy.uint8)) for shape in ((40, 70), (64, 33))]
    return [*grey, Image.fromarray(chance.integers(0, 256, (48, 50, 3), dtype=numpy.uint8))]


def images_of(pictures, fit):
    fitted = [fit_picture(picture.convert("RGB"), fit) for picture in pictures]
    return torch.stack([torch.from_numpy(numpy.array(one)).permute(2, 0, 1) / 255 for one in fitted])


def part_of(state, prefix):
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def by_hand(folder, pictures, size):
    """Logits [N, K] by the published recipe, with transformers' own way to read old names of tensors.

    Each class alone, each of its prompts alone, the mean of their logits.
    """
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    vision = SwinModel.from_pretrained(
        None, config=SwinConfig(**SWIN), state_dict=part_of(state, "vision_model.model.")
    )
    text = BertModel.from_pretrained(None, config=BertConfig(**BERT), state_dict=part_of(state, "text_model.model."))
    tokenizer = BertTokenizer.from_pretrained(folder)
    scale = state["logit_scale"].clamp(0, 4.6052).exp()
    rows = []
    with torch.no_grad():
        for picture in pictures:
            side = max(size, *picture.size)
            canvas = Image.new("L", (side, side), 0)
            canvas.paste(picture.convert("L"), tuple(int((side - own) / 2) for own in picture.size))
            small = numpy.asarray(canvas.resize((size, size), Image.Resampling.BICUBIC)) / 255
            pixels = torch.tensor((small - 0.5862785803043838) / 0.27950088968644304).float().repeat(1, 3, 1, 1)
            image = vision.eval()(pixels).pooler_output @ state["vision_model.projection_head.weight"].T
            image = image / image.norm()
            row = []
            for prompts in CLASSES:
                logits = []
                for prompt in prompts:
                    tokens = tokenizer(prompt, return_tensors="pt")
                    hidden = text.eval()(**tokens, output_hidden_states=True).hidden_states
                    layers = [hidden[place][0].mean(dim=0) for place in (1, 2, -1)]
                    spoken = state["text_model.projection_head.weight"] @ (sum(layers) / 3)
                    logits.append(scale * (image @ (spoken / spoken.norm())))
                row.append(torch.stack(logits).mean())
            rows.append(torch.stack(row))
    return torch.stack(rows)


def test_logits_are_those_of_the_published_recipe_worked_by_hand(swin, xrays):
    model = medclip.load(run_for(swin, "medclip"))
    expected = by_hand(swin, xrays[:2], 32)
    found = model.logits(model.embed_images(images_of(xrays[:2], model.fit)), CLASSES)
    assert expected.std(dim=1).min() > 0.1
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)  # logits reach 100: five digits


def test_a_picture_in_colour_is_seen_in_grey_up_to_the_rounding_of_a_file(swin, xrays):
    model = medclip.load(run_for(swin, "medclip"))
    found = model.logits(model.embed_images(images_of(xrays[2:], model.fit)), CLASSES)
    torch.testing.assert_close(found, by_hand(swin, xrays[2:], 32), atol=0.5, rtol=0)


@pytest.mark.parametrize("size", [(300, 500), (500, 301), (224, 224), (2048, 2047)])
def test_a_picture_is_pasted_on_black_and_scaled_as_the_published_code_does(size):
    """The canvas there is 224 pixels at least, which makes no difference to a picture of that size."""
    pixels = numpy.random.default_rng(1).integers(0, 256, size, dtype=numpy.uint8)
    picture, side = Image.fromarray(pixels), max(224, *size)
    canvas = Image.new("L", (side, side), 0)
    canvas.paste(picture, (int((side - size[1]) / 2), int((side - size[0]) / 2)))
    expected = numpy.asarray(canvas.resize((224, 224), Image.Resampling.BICUBIC))
    found = numpy.asarray(fit_picture(picture.convert("RGB"), Fit(224, "pad")))
    assert all(numpy.array_equal(found[:, :, channel], expected) for channel in range(3))


def test_a_small_square_is_enlarged_and_not_lost_in_black(swin):
    fit = medclip.load(run_for(swin, "medclip")).fit
    white = torch.ones(1, 3, 16, 16)
    assert fit_images(white, fit).min() > 0.99


def test_the_size_of_the_logits_is_bounded(swin):
    model = medclip.load(run_for(swin, "medclip"))
    embedded = model.embed_images(torch.rand(4, 3, 32, 32))
    cosine = embedded @ model.embed_classes(["lung"]).T
    torch.testing.assert_close(model.logits(embedded, ["lung"]), cosine * 100, atol=1e-2, rtol=0)


def test_the_checkpoint_is_the_published_one_with_names_of_its_time(swin):
    names = torch.load(swin / "pytorch_model.bin", weights_only=True).keys()
    first = "vision_model.model.encoder.layers.0.blocks.0."
    assert {f"{first}attention.self.query.weight", f"{first}attention.self.relative_position_index"} <= names
    assert {"text_model.model.embeddings.position_ids", "text_model.model.pooler.dense.weight"} <= names
    assert {"vision_model.projection_head.weight", "text_model.projection_head.weight", "logit_scale"} <= names


@pytest.mark.parametrize("architecture", ["swin", "resnet"])
def test_what_is_saved_has_the_published_names_and_values(tiny_models, tmp_path, architecture):
    folder = tiny_models["medclip", architecture]
    medclip.save(medclip.load(run_for(folder, "medclip")), tmp_path)
    published, saved = (
        torch.load(folder / medclip_network.PUBLISHED, weights_only=True),
        load_file(tmp_path / medclip_network.WEIGHTS),
    )
    left_out = {name for name in published if name.endswith(("position_ids", "relative_position_index"))}
    assert saved.keys() == published.keys() - left_out
    assert all(torch.equal(saved[name], published[name]) for name in saved)
    assert {path.name for path in tmp_path.iterdir()} >= {"model.safetensors", "config.json", "tokenizer.json"}


def test_without_a_config_the_published_sizes_are_built_in_full():
    """On no memory: the numbers of parameters are those of Swin-tiny with its projection, and of Bio_ClinicalBERT."""
    config = medclip_network._config(Path("none.json"), "swin")
    with torch.device("meta"):
        network = medclip_network._built(config, Path("none.json"))
    assert config["image_size"] == 224
    counts = [sum(p.numel() for p in part.parameters()) for part in (network.vision_model, network.text_model)]
    assert counts == [27_519_354 + 768 * 512, 108_310_272 + 768 * 512]
    with torch.device("meta"):
        network = medclip_network._built(medclip_network._config(Path("none.json"), "resnet"), Path("none.json"))
    assert sum(p.numel() for p in network.vision_model.parameters()) == 25_557_032 - 2_049_000 + 2048 * 512


def test_a_config_of_the_text_encoder_alone_is_taken_for_it(tmp_path):
    BertConfig(**BERT).save_pretrained(tmp_path)
    config = medclip_network._config(tmp_path / "config.json", "swin")
    with torch.device("meta"):
        network = medclip_network._built(config, tmp_path / "config.json")
    assert network.text_model["model"].config.hidden_size == 32
    assert network.vision_model["model"].config.embed_dim == 96


def test_the_last_stage_of_a_swin_is_its_last_of_stages_and_the_head_norm_and_projection(swin):
    model = medclip.load(run_for(swin, "medclip"))
    head = {"vision_model.model.layernorm.weight", "vision_model.model.layernorm.bias"}
    head |= {"vision_model.projection_head.weight"}
    assert set(model.parameters_of("head")) == head
    last = set(model.parameters_of("last_stage")) - head
    assert last and all(name.startswith("vision_model.model.encoder.layers.2.") for name in last)


def test_the_last_stage_of_a_resnet_is_its_fourth_and_the_head_its_projection(tiny_models):
    model = medclip.load(run_for(tiny_models["medclip", "resnet"], "medclip"))
    assert set(model.parameters_of("head")) == {"vision_model.model.fc.weight"}
    assert {name.split(".")[2] for name in model.parameters_of("last_stage")} == {"layer4", "fc"}


def test_texts_are_lower_cased_and_cut_after_77_tokens(swin):
    model = medclip.load(run_for(swin, "medclip"))
    assert torch.equal(model.embed_texts(["Left LUNG"]), model.embed_texts(["left lung"]))
    long = "lung " * 75
    assert model.token_count(long) == 77
    assert torch.equal(model.embed_texts([long + "heart"]), model.embed_texts([long + "opacity"]))


def folder_like(swin, tmp_path, without=()):
    goal = tmp_path / "medclip"
    shutil.copytree(swin, goal, ignore=lambda *_: without)
    return goal


def test_a_missing_folder_checkpoint_or_tokenizer_is_told_with_the_page_that_helps(swin, tmp_path):
    assert f"pytorch_model.bin (or model.safetensors) of MedCLIP; {medclip_network.PAGE} says how to get it" in refused(
        run_for(tmp_path / "nothing", "medclip")
    )
    told = refused(run_for(folder_like(swin, tmp_path, ["vocab.txt"]), "medclip"))
    assert f"holds no tokenizer (vocab.txt or tokenizer.json); {medclip_network.PAGE} says how to get it" in told
    page = Path(__file__).parents[3] / medclip_network.PAGE
    for address in ("medclip-vit-pretrained.zip", "medclip-pretrained.zip", "emilyalsentzer/Bio_ClinicalBERT"):
        assert address in page.read_text()


def test_the_tokenizer_of_another_model_is_told(swin, tmp_path):
    folder = folder_like(swin, tmp_path)
    with (folder / "vocab.txt").open("a") as file:
        file.write("zzz\n")
    n = BERT["vocab_size"]
    told = refused(run_for(folder, "medclip"))
    assert f"knows {n + 1} tokens, but the checkpoint {n}: they do not belong together" in told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"architecture": "swim"},
            "runs.tiny.architecture says 'swim'. Did you mean 'swin'? MedCLIP has: swin, resnet",
        ),
        ({"architecture": "resnet"}, "holds MedCLIP's swin, but the run's architecture says 'resnet'"),
        ({"architecture": "swin", "pretrained": "openai"}, "pretrained says 'openai', but MedCLIP has no such tags"),
    ],
)
def test_a_run_that_asks_for_what_is_not_there_is_told(swin, changes, told):
    assert told in refused(run_for(swin, "medclip", **changes))


@pytest.mark.parametrize("content", ["{", "[]", '"swin"'])
def test_a_broken_config_is_told(swin, tmp_path, content):
    folder = folder_like(swin, tmp_path)
    (folder / "config.json").write_text(content)
    assert "is no config of MedCLIP" in refused(run_for(folder, "medclip"))


def test_a_config_with_a_word_for_a_number_is_told_in_one_line(swin, tmp_path):
    folder, content = folder_like(swin, tmp_path), medclip_config("swin")
    content["text_config"] = {**content["text_config"], "hidden_size": "wide"}
    (folder / "config.json").write_text(json.dumps(content))
    told = refused(run_for(folder, "medclip"))
    assert "config.json describes no MedCLIP" in told and "hidden_size" in told


def test_a_config_of_other_sizes_is_told_by_name_and_shape(swin, tmp_path):
    folder = folder_like(swin, tmp_path)
    content = medclip_config("swin")
    content["vision_config"] = {**content["vision_config"], "depths": [1, 1, 1]}
    content["text_config"] = {**content["text_config"], "intermediate_size": 40}
    (folder / "config.json").write_text(json.dumps(content))
    told = refused(run_for(folder, "medclip"))
    assert "unknown (vision_model.model.encoder.layers.1.blocks.1." in told
    assert (
        "of another shape (text_model.model.encoder.layer.0.intermediate.dense.weight [48, 32] instead of [40, 32]"
        in told
    )


def test_missing_unknown_and_broken_tensors_are_told(swin, tmp_path):
    folder = folder_like(swin, tmp_path, ["pytorch_model.bin"])
    state = torch.load(swin / "pytorch_model.bin", weights_only=True)
    save_file({name: value for name, value in state.items() if name != "logit_scale"}, folder / "model.safetensors")
    assert "1 missing (logit_scale)" in refused(run_for(folder, "medclip"))
    save_file({**state, "more": torch.zeros(1)}, folder / "model.safetensors")
    assert "1 unknown (more)" in refused(run_for(folder, "medclip"))
    (folder / "model.safetensors").write_bytes((swin / "pytorch_model.bin").read_bytes()[:5000])
    assert "cannot be read as weights" in refused(run_for(folder, "medclip"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a GPU that is there")
def test_a_missing_gpu_is_told(swin):
    assert "device says 'cuda'" in refused(dataclasses.replace(run_for(swin, "medclip"), device="cuda"))
