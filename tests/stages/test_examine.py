"""examine: a model that knows everything gets full marks, one that knows nothing none."""

import json
from pathlib import Path
from random import Random

import pytest
import torch

from stages import examine
from stages.examine import attribute_match, held_out, known_classes, pixels, share
from stages.world.concepts import CONCEPTS, DEVELOPMENT
from stages.world.known import KNOWN
from tests.stages import whole_project

FEW = dict(list(KNOWN.items())[:3])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in {"KNOWN": FEW, "PICTURES": 3, "ROUNDS": 2, "CHOICES": 6}.items():
        monkeypatch.setattr(examine, name, value)


class Scripted:
    """A model whose answers are what the test says; it keeps what it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def similarity(self, images, texts):
        self.asked.append((images, texts))
        return self.answer(len(images), len(texts))


def always(column):
    return lambda n, k: torch.nn.functional.one_hot(torch.full((n,), column % k), k)


def test_a_share_counts_hits_and_has_its_interval():
    found = share(torch.tensor([True, False, True, True]))
    assert (found["value"], found["n"]) == (0.75, 4)
    assert found["low"] == pytest.approx(0.3006, abs=1e-4) and found["high"] == pytest.approx(0.9544, abs=1e-4)


def test_drawings_become_images_in_zero_one():
    drawings = [CONCEPTS["moongate"].draw(Random(0))]
    images = pixels(drawings)
    assert images.shape == (1, 3, 48, 48)
    assert images[0, 1, 5, 7].item() == pytest.approx(drawings[0].pixels[5, 7, 1] / 255)


def test_known_classes_are_right_where_the_own_prompt_is_closest():
    by_class = Scripted(lambda n, k: torch.eye(k).repeat_interleave(n // k, 0))
    assert known_classes(by_class, ["a", "b", "c"])["value"] == 1.0
    assert known_classes(Scripted(always(1)), ["a", "b", "c"]) == share(torch.tensor([True] * 20 + [False] * 40))
    assert len(by_class.asked[0][0]) == 60


def test_attributes_are_matched_among_different_scenes():
    perfect = Scripted(lambda n, k: torch.eye(k))
    assert attribute_match(perfect)["value"] == 1.0
    assert attribute_match(perfect)["n"] == 12
    assert [(len(images), len(texts)) for images, texts in perfect.asked] == [(6, 6)] * 4
    assert attribute_match(Scripted(always(0)))["value"] == pytest.approx(1 / 6, abs=1e-4)


def test_a_held_out_concept_is_looked_for_by_name_and_by_description_among_the_known():
    names = list(CONCEPTS)
    model = Scripted(always(len(FEW) + 1))
    result = held_out(model, names)
    assert {name: ways["by name"]["value"] for name, ways in result.items()} == {
        "moongate": 0.0,
        "tonometer": 1.0,
        "gyroscope": 0.0,
    }
    by_name, by_description = model.asked[0][1], model.asked[1][1]
    assert by_name[-3:] == ["a photo of a moongate", "a photo of a tonometer", "a photo of a gyroscope"]
    assert by_description == [t.descriptions[0] for t in FEW.values()] + [CONCEPTS[n].description for n in names]
    assert not any(name in text for name in names for text in by_description)


def test_the_exam_is_written_beside_the_weights(tmp_path, monkeypatch, tiny_models, capsys):
    monkeypatch.chdir(tmp_path)
    whole_project.build(examine.WEIGHTS)
    folder = tmp_path / "weights"
    folder.mkdir()
    for file in tiny_models["clip", "resnet"].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    examine.main(str(folder))
    written = json.loads(Path(f"{folder}.exam.json").read_text())
    assert json.loads(capsys.readouterr().out) == written
    assert list(written["held out"]) == list(CONCEPTS) and list(written["development"]) == list(DEVELOPMENT)
    assert written["attributes, 1 of 64"]["n"] == 12
