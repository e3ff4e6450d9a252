"""classify names what photos show, before and after teaching, out of taught names and known classes."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from stages import classify, export
from stages.common import lookup, params, paths, taught
from stages.common.failures import UserError
from stages.common.open_clip_import import import_open_clip
from stages.models import vilt
from stages.models.clip import Clip
from stages.models.vilt import Vilt
from tests.stages import taught_project
from tests.stages.models.tiny import run_for


class Scripted:
    """A model whose logits are what the test says."""

    def __init__(self, logits):
        self.logits = torch.tensor(logits)

    def finetuning_logits(self, images, texts):
        return self.logits


@pytest.fixture
def project(tmp_path, monkeypatch, tiny_models):
    monkeypatch.chdir(tmp_path)
    taught_project.build(tiny_models["clip", "resnet"])


def test_the_three_likeliest_names_come_in_order_with_their_softmax():
    names = {name: name for name in ("a", "b", "c", "d")}
    (answer,) = classify.classify(Scripted([[0.0, 2.0, 1.0, -1.0]]), [torch.zeros(1, 3, 8, 8)], names)
    assert [name for name, _ in answer] == ["b", "c", "a"]
    assert [share for _, share in answer] == pytest.approx([0.6439, 0.2369, 0.0871], abs=1e-4)


def test_fewer_names_than_three_are_all_shown():
    (answer,) = classify.classify(Scripted([[0.0, 1.0]]), [torch.zeros(1, 3, 8, 8)], {"a": "a", "b": "b"})
    assert [name for name, _ in answer] == ["b", "a"]


def test_it_prints_both_answers_for_every_photo(project, capsys):
    classify.main("red.png", "blue.jpg", "--run", "small")
    said = capsys.readouterr().out
    assert "small: replay, learning rate 0.002, seed 0, among 3 names" in said
    assert said.index("red.png") < said.index("blue.jpg")
    assert said.count("moongate") == 4  # three names are possible, so each photo shows each before and after


@pytest.mark.parametrize(("family", "variant", "writes"), [("coca", "pooled", True), ("clip", "vit", False)])
def test_a_captioner_writes_about_a_photo_and_no_other_model_does(tiny_models, family, variant, writes):
    run = run_for(tiny_models[family, variant], family, decoding={"method": "greedy"})
    images = [torch.rand(1, 3, 32, 32), torch.rand(1, 3, 40, 32)]
    said = classify.said(lookup.find("stages.models", family, "a test").load(run), images, run)
    assert [isinstance(text, str) for text in said] == [writes, writes]
    shown = classify.show(classify.Answer("red.png", [("arch", 1.0)], [("arch", 1.0)], "an arch", "a moongate"))
    assert shown.endswith("it writes before: an arch\n  it writes after: a moongate")


def test_json_holds_the_shares_of_all_names_and_teaching_changes_them(project, capsys):
    classify.main("red.png", "blue.jpg", "--run", "small", "--json")
    red, blue = json.loads(capsys.readouterr().out)
    assert (red["photo"], blue["photo"]) == ("red.png", "blue.jpg")
    for shares in (red["before"], red["after"], blue["before"], blue["after"]):
        assert {name for name, _ in shares} == {"moongate", "arch", "star"}
        assert sum(share for _, share in shares) == pytest.approx(1, abs=1e-3)
    assert red["before"] != red["after"]


def test_where_the_benchmarks_own_names_were_asked_only_they_are_answers(project, capsys):
    own = {"target": {"classes_asked": ["torii", "moongate"]}}
    paths.benchmarks("small").write_text(json.dumps(own))
    classify.main("red.png", "--run", "small", "--json")
    assert {name for name, _ in json.loads(capsys.readouterr().out)[0]["after"]} == {"torii", "moongate"}


def test_where_the_target_asks_for_captions_the_names_are_those_of_the_retention_benchmark(project, capsys):
    facts = {"target": {"captions": 5}, "retention": {"classes_asked": ["torii", "moongate"]}}
    paths.benchmarks("small").write_text(json.dumps(facts))
    classify.main("red.png", "--run", "small", "--json")
    assert {name for name, _ in json.loads(capsys.readouterr().out)[0]["after"]} == {"torii", "moongate"}


def test_another_seed_is_another_model(project, capsys):
    answers = []
    for seed in ("0", "1"):
        classify.main("red.png", "--run", "small", "--seed", seed, "--json")
        answers.append(json.loads(capsys.readouterr().out)[0])
    assert answers[0]["before"] == answers[1]["before"]
    assert answers[0]["after"] != answers[1]["after"]


def test_known_classes_that_are_no_mapping_are_told(project):
    Path("known.json").write_text('"wheel"')
    with pytest.raises(UserError, match="known.json must hold a mapping of class names .* but holds 'wheel'"):
        classify.main("red.png", "--run", "small")


def test_a_joint_encoder_sees_a_photo_in_its_own_shape(project, tiny_models, monkeypatch, capsys):
    seen, ask = [], Vilt.finetuning_logits
    monkeypatch.setattr(
        Vilt,
        "finetuning_logits",
        lambda self, images, texts: seen.append(tuple(images.shape)) or ask(self, images, texts),
    )
    text = Path("params.yaml").read_text().replace("family: clip", "family: vilt").replace("replay: {", "matching: {")
    Path("params.yaml").write_text(text.replace(str(tiny_models["clip", "resnet"]), str(tiny_models["vilt", "b32"])))
    run, folder = params.load().run("small"), paths.checkpoints("small")
    model = vilt.load(run)
    name = "itm_score.fc.bias"
    for entry in (index := json.loads((folder / "index.json").read_text())):
        entry["recipe"] = "matching"
        save_file({name: model.state([name])[name] + 1 + entry["seed"]}, folder / entry["file"])
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "teaching.json").write_text(json.dumps({"base": taught.base(run), "recipes": {"matching": {}}}))
    chosen = {"matching": {"learning_rate": 2e-3, "rule": "largest", "met_budget": True}}
    paths.choice("small").write_text(json.dumps(chosen))
    Image.new("RGB", (80, 30), (200, 20, 20)).save("wide.png")
    classify.main("red.png", "wide.png", "--run", "small")
    assert seen == [(1, 3, 32, 40), (1, 3, 16, 48)] * 2  # 32 * 40 / 30 = 42.7; at most 53 of 32 * 80 / 30
    assert capsys.readouterr().out.count("moongate") == 4


@pytest.mark.parametrize("mode", ["shortest", "squash"])
def test_a_wide_photo_is_seen_as_the_export_prepares_it(tmp_path, monkeypatch, tiny_models, mode):
    """Every pixel of a photo, against the preprocess that open_clip makes of the exported folder."""
    monkeypatch.chdir(tmp_path)
    taught_project.build(taught_project.fitted(tiny_models["clip", "resnet"], Path("weights"), mode))
    wide = Image.radial_gradient("L").crop((20, 60, 110, 100)).convert("RGB")
    wide.save("wide.png")
    seen, ask = [], Clip.finetuning_logits
    monkeypatch.setattr(
        Clip, "finetuning_logits", lambda self, images, texts: seen.append(images) or ask(self, images, texts)
    )
    classify.main("wide.png", "--run", "small")
    export.main("small", "exported")
    _, _, preprocess = import_open_clip().create_model_and_transforms("local-dir:exported")
    for images in seen:  # before and after teaching
        torch.testing.assert_close(preprocess.transforms[-1](images[0]), preprocess(wide), atol=1e-5, rtol=0)


def test_checkpoints_of_another_base_model_are_refused(project):
    file = paths.checkpoints("small") / "teaching.json"
    taught = json.loads(file.read_text())
    taught["base"]["weights"] = "others"
    file.write_text(json.dumps(taught))
    with pytest.raises(UserError, match=r"trained from another model.*`dvc repro finetune@small`"):
        classify.main("red.png", "--run", "small")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing.png", "--run", "small"], "nothing.png: there is no such image"),
        (["params.yaml", "--run", "small"], "params.yaml cannot be read as an image"),
        (["red.png", "--run", "smal"], "Did you mean 'small'"),
        (["red.png", "--run", "small", "--learning-rate", "5"], "at learning rate 5"),
    ],
)
def test_what_cannot_be_done_is_told(project, words, told):
    with pytest.raises(UserError, match=told):
        classify.main(*words)
