"""examine: a model that knows everything gets full marks, one that knows nothing none."""

import json
from pathlib import Path
from random import Random

import pytest
import torch

from stages import examine
from stages.examine import attribute_match, held_out, known_classes, known_pairs, pixels, scene_pairs, share, told_apart
from stages.world.concepts import CONCEPTS, DEVELOPMENT
from stages.world.known import KNOWN
from tests.stages import whole_project

FEW = dict(list(KNOWN.items())[:3])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in {"KNOWN": FEW, "PICTURES": 3, "ROUNDS": 2, "CHOICES": 6, "PAIRS": 12, "OF_EACH": 2}.items():
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


def test_pairs_are_pictures_with_sentences_of_their_own():
    images, texts, groups = scene_pairs()
    assert len(images) == len(texts) == len(set(groups.tolist())) == len(set(texts)) <= 12
    images, texts, groups = known_pairs()
    assert images.shape == (6, 3, 48, 48) and groups.tolist() == [0, 0, 1, 1, 2, 2]
    for text, group in zip(texts, groups.tolist(), strict=True):
        name, thing = list(FEW.items())[group]
        assert name in text or text in thing.descriptions


class Judge:
    """Says of which pairs they match: `verdict` is asked for each image, text and the text's own image."""

    def __init__(self, verdict, texts):
        self.verdict, self.texts, self.asked = verdict, texts, []

    def matching_logits(self, images, texts):
        pairs = [(int(image[0, 0, 0]), self.texts.index(text)) for image, text in zip(images, texts, strict=True)]
        self.asked.append(pairs)
        return torch.tensor([[0.0, 1.0 if self.verdict(*pair) else -1.0] for pair in pairs])


class Looker:
    """Sees images as unit vectors around a circle: next numbers look alike."""

    def embed_images(self, images):
        angle = images[:, 0, 0, 0] * 0.3
        return torch.stack([angle.cos(), angle.sin()], 1)


def test_pairs_are_told_apart_by_the_sign_of_the_log_odds():
    texts, groups = list("abcdef"), torch.tensor([0, 0, 1, 1, 2, 2])
    images = torch.arange(6.0)[:, None, None, None].expand(6, 3, 2, 2)

    def found(verdict):
        judge = Judge(verdict, texts)
        return {k: (v["value"], v["n"]) for k, v in told_apart(judge, Looker(), images, texts, groups).items()}, judge

    right, judge = found(lambda image, text: groups[image] == groups[text])
    assert right == {"matched": (1.0, 6), "mismatched": (1.0, 6), "mismatched, alike": (1.0, 6)}
    assert judge.asked[0] == [(i, i) for i in range(6)]
    assert all(groups[image] != groups[text] for image, text in judge.asked[1] + judge.asked[2])
    assert judge.asked[2] == [(0, 2), (1, 2), (2, 1), (3, 4), (4, 3), (5, 3)]  # the nearest of another group
    yes, _ = found(lambda image, text: True)
    assert [value for value, _ in yes.values()] == [1.0, 0.0, 0.0]
    nobody_knows = Judge(None, texts)
    nobody_knows.matching_logits = lambda images, texts: torch.zeros(len(texts), 2)
    assert {v["value"] for v in told_apart(nobody_knows, Looker(), images, texts, groups).values()} == {0.0}


def test_the_exam_is_written_beside_the_weights(tmp_path, monkeypatch, tiny_models, capsys):
    monkeypatch.chdir(tmp_path)
    whole_project.build(examine.TINY_CLIP)
    folder = tmp_path / "weights"
    folder.mkdir()
    for file in tiny_models["clip", "resnet"].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    examine.main(str(folder))
    written = json.loads(Path(f"{folder}.exam.json").read_text())
    assert json.loads(capsys.readouterr().out) == written
    assert list(written["held out"]) == list(CONCEPTS) and list(written["development"]) == list(DEVELOPMENT)
    assert written["attributes, 1 of 64"]["n"] == 12


def test_a_joint_model_is_also_asked_whether_pairs_match(tmp_path, monkeypatch):
    class Joint(Scripted):
        def matching_logits(self, images, texts):
            return torch.tensor([[0.0, 1.0]]).expand(len(texts), -1)

    class Family:
        ENCODERS, DECODES = "joint", False

    joint = Joint(always(0))
    models = {Path("vilt"): joint, examine.TINY_CLIP: Looker()}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(examine, "family_of", lambda folder: Family)
    monkeypatch.setattr(examine, "model_in", models.__getitem__)
    monkeypatch.setattr(examine, "processes_for", lambda model: None)
    examine.main("vilt")
    written = json.loads(Path("vilt.exam.json").read_text())
    for of, n in {"pairs of scenes": 12, "pairs of known things": 6}.items():
        assert {name: one["value"] for name, one in written[of].items()} == {
            "matched": 1.0,
            "mismatched": 0.0,
            "mismatched, alike": 0.0,
        }
        assert written[of]["matched"]["n"] == n
    assert written["known classes by name"]["n"] == 60 and "held out" in written


def test_a_captioner_is_asked_whether_its_sentences_name_what_is_shown(monkeypatch):
    """Of three known classes, two pictures each, it names the first rightly, and calls all else by it, too."""
    first = next(iter(FEW))
    monkeypatch.setattr(examine, "captions", lambda model, images, decoding: [f"a photo of a {first}"] * len(images))
    found = examine.named(None)
    assert found["known classes"] == share(torch.tensor([True] * 2 + [False] * 4))
    assert found[first]["value"] == 1.0 and found["moongate"] == share(torch.tensor([False] * 2))
    assert set(found) == {"known classes", *FEW, *CONCEPTS, *DEVELOPMENT}
