"""classify names what photos show, before and after teaching, out of taught names and known classes."""

import json

import pytest
import torch

from stages import classify
from stages.common.failures import UserError
from tests.stages import taught_project


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
    (answer,) = classify.classify(Scripted([[0.0, 2.0, 1.0, -1.0]]), torch.zeros(1, 3, 8, 8), names)
    assert [name for name, _ in answer] == ["b", "c", "a"]
    assert [share for _, share in answer] == pytest.approx([0.6439, 0.2369, 0.0871], abs=1e-4)


def test_fewer_names_than_three_are_all_shown():
    (answer,) = classify.classify(Scripted([[0.0, 1.0]]), torch.zeros(1, 3, 8, 8), {"a": "a", "b": "b"})
    assert [name for name, _ in answer] == ["b", "a"]


def test_it_prints_both_answers_for_every_photo(project, capsys):
    classify.main("red.png", "blue.jpg", "--run", "small")
    said = capsys.readouterr().out
    assert "small: replay, learning rate 0.002, seed 0" in said
    assert said.index("red.png") < said.index("blue.jpg")
    assert said.count("moongate") == 4  # three names are possible, so each photo shows each before and after


def test_json_holds_the_shares_of_all_names_and_teaching_changes_them(project, capsys):
    classify.main("red.png", "blue.jpg", "--run", "small", "--json")
    red, blue = json.loads(capsys.readouterr().out)
    assert (red["photo"], blue["photo"]) == ("red.png", "blue.jpg")
    for shares in (red["before"], red["after"], blue["before"], blue["after"]):
        assert {name for name, _ in shares} == {"moongate", "arch", "star"}
        assert sum(share for _, share in shares) == pytest.approx(1, abs=1e-3)
    assert red["before"] != red["after"]


def test_another_seed_is_another_model(project, capsys):
    answers = []
    for seed in ("0", "1"):
        classify.main("red.png", "--run", "small", "--seed", seed, "--json")
        answers.append(json.loads(capsys.readouterr().out)[0])
    assert answers[0]["before"] == answers[1]["before"]
    assert answers[0]["after"] != answers[1]["after"]


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
