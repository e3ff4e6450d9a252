"""Asking a model: pictures are embedded once, pairs are scored once, and both anew when something has changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from stages.benchmarks import jsrt
from stages.benchmarks.contract import Benchmark
from stages.common import kept, lookup
from stages.common.captioned import Captions
from stages.common.images import Fit
from stages.common.pictures import Pictures
from stages.evaluation import asking
from stages.evaluation.asking import ByEmbedding, PairByPair, asking_of
from stages.evaluation.question import Question
from stages.models.clip import Clip
from stages.models.vilt import Vilt
from tests.stages.models.tiny import run_for

WAYS = {"arch": ("a photo of an arch", "an arch"), "kite": ("a photo of a kite",)}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Counting:
    """A model of two encoders that counts the pictures it embeds."""

    device = torch.device("cpu")
    whole = Fit(2)
    embedded = 0

    def parameters_of(self, part):
        return {}

    def embed_images(self, images):
        self.embedded += len(images)
        return images.flatten(1)[:, :4]

    def embed_classes(self, classes):
        return torch.eye(4)[: len(classes)]


def asked_twice(change):
    file = Path("picture.png")
    file.write_bytes(b"first")
    model, weights = Counting(), ["digest", None, None]
    benchmark = Benchmark("b", "classification", ("a",), (file,), (0,))
    asked = Question("target", benchmark, "", [torch.rand(1, 3, 2, 2)], ("a",), np.array([0]), frozenset())
    first = ByEmbedding(model, tuple(weights), []).untouched(asked, {"a": ("an a",)})
    change(file, weights, model)
    second = ByEmbedding(model, tuple(weights), []).untouched(asked, {"a": ("an a",)})
    assert np.array_equal(first, second) and first.shape == (1, 1)
    return model.embedded


@pytest.mark.parametrize(
    ("change", "embedded"),
    [
        (lambda file, weights, model: None, 1),
        (lambda file, weights, model: file.write_bytes(b"second picture"), 2),
        (lambda file, weights, model: weights.__setitem__(0, "other weights"), 2),
        (lambda file, weights, model: setattr(model, "whole", Fit(2, "squash")), 2),
    ],
    ids=["nothing", "another picture", "other weights", "another fit"],
)
def test_embeddings_are_kept_until_pictures_weights_or_fit_change(change, embedded):
    assert asked_twice(change) == embedded


@pytest.mark.parametrize("code", ["stages/benchmarks/jsrt.py", "stages/common/picture_files.py"])
def test_embeddings_are_made_anew_when_the_code_changes_that_makes_a_file_a_picture(monkeypatch, code):
    """`kept.fingerprint` knows every loaded file of the project, and a benchmark is loaded before it is asked about."""
    digest, file = kept.digest, Path(jsrt.__file__).parents[2] / code

    def edited(files, weights, model):
        monkeypatch.setattr(kept, "digest", lambda path: "edited" if path == file.resolve() else digest(path))
        monkeypatch.setattr(kept, "computing", kept.computing.__wrapped__)  # as another process

    assert asked_twice(edited) == 2


def loaded(tiny_models, family="vilt", variant="b32", **more):
    run = run_for(tiny_models[family, variant], family, **{"candidates": "all", **more})
    return run, lookup.find("stages.models", family, "a test").load(run)


@pytest.mark.parametrize(
    ("family", "variant", "way"),
    [("clip", "resnet", ByEmbedding), ("medclip", "swin", ByEmbedding), ("vilt", "b32", PairByPair)],
)
def test_a_family_is_asked_by_its_kind_of_encoders(tiny_models, family, variant, way):
    assert type(asking_of(*loaded(tiny_models, family, variant))) is way


def pictures_question():
    files = tuple(Path(f"{number}.png") for number in range(3))
    for number, file in enumerate(files):
        Image.effect_noise((40 + 20 * number, 40), 90).convert("RGB").save(file)
    pictures = Pictures(files, Fit(32, patch=8))
    benchmark = Benchmark("drawn", "classification", ("arch", "kite"), files, (0, 1, 1))
    return Question("target", benchmark, "", pictures, ("arch", "kite"), np.array([0, 1, 1]), frozenset())


@pytest.fixture
def scored(monkeypatch):
    """How many texts were asked of each picture that a joint encoder saw, in this process."""
    counts = []

    def counting(ask):
        return lambda self, tokens, texts, *states: counts.append(len(texts)) or ask(self, tokens, texts, *states)

    monkeypatch.setattr(asking, "processes_for", lambda model: 1)
    for name in ("scores", "scores_of_each"):
        monkeypatch.setattr(Vilt, name, counting(getattr(Vilt, name)))
    return counts


def test_pairs_are_scored_as_the_model_itself_does_and_once(tiny_models, scored):
    question, (run, model) = pictures_question(), loaded(tiny_models)
    found = asking_of(run, model).untouched(question, WAYS)
    assert scored == [3, 3, 3]
    again = asking_of(run, model).untouched(question, WAYS)
    assert scored == [3, 3, 3] and np.array_equal(found, again)
    wanted = [model.similarity(image, [*WAYS.values()]) for image in question.pictures.each(0, 3)]
    assert np.array_equal(found, torch.cat(wanted).numpy())


def test_captions_are_scored_as_they_are(tiny_models, scored):
    asked, captions = pictures_question(), ("a red gate", "a gate", "two kites")
    told = Captions("told", asked.benchmark.paths, captions, (0, 1, 2))
    question = replace(asked, benchmark=told, classes=captions, labels=np.array([0, 1, 2]))
    run, model = loaded(tiny_models)
    found = asking_of(run, model).untouched(question, {})
    wanted = [model.similarity(image, captions) for image in question.pictures.each(0, 3)]
    assert np.array_equal(found, torch.cat(wanted).numpy())


def a_checkpoint(model, name, by, part="head"):
    state = model.state(list(model.parameters_of(part)))
    save_file({name: value + by for name, value in state.items()}, name)
    return Path(name)


def answers(way, question, *checkpoints):
    """Of each checkpoint the similarities of one question."""
    return [found for (found,) in way.taught([question], WAYS, checkpoints)]


def test_each_checkpoint_has_scores_of_its_own_and_they_are_kept(tiny_models, scored):
    question, (run, model) = pictures_question(), loaded(tiny_models)
    way = asking_of(run, model)
    files = [a_checkpoint(model, f"{by}.safetensors", by) for by in (0.5, 1.0)]
    found = [way.untouched(question, WAYS), *answers(way, question, files[0]), *answers(way, question, files[1])]
    assert len(scored) == 9
    assert not np.array_equal(found[0], found[1]) and not np.array_equal(found[1], found[2])
    assert np.array_equal(answers(way, question, *files), found[1:])
    assert np.array_equal(way.untouched(question, WAYS), found[0])
    assert len(scored) == 9


PARTS = ("visual_encoder", "head", "last_stage", "last_stage", "text_encoder", "both", "head")


@pytest.mark.parametrize(
    ("family", "variant"), [("clip", "resnet"), ("clip", "vit"), ("medclip", "swin"), ("vilt", "b32")]
)
def test_checkpoints_of_any_parts_have_the_similarities_of_the_model_that_holds_each_alone(
    tiny_models, family, variant, monkeypatch
):
    """Whatever is computed once for several of them, and whatever was loaded before."""
    monkeypatch.setattr(asking, "processes_for", lambda model: 1)
    run, model = loaded(tiny_models, family, variant)
    question = pictures_question()
    if family != "vilt":
        question = replace(question, pictures=Pictures(question.benchmark.paths, model.fit))
    files = [a_checkpoint(model, f"{n}.safetensors", 0.01 * (n + 1), part) for n, part in enumerate(PARTS)]
    found = answers(asking_of(run, model), question, *files)
    images = [*question.pictures.each(0, 3)]
    untouched = torch.cat([model.similarity(image, [*WAYS.values()]) for image in images])
    for file, own in zip(files, found, strict=True):
        alone = lookup.find("stages.models", family, "a test").load(run)
        alone.load_state(load_file(file))
        wanted = torch.cat([alone.similarity(image, [*WAYS.values()]) for image in images])
        torch.testing.assert_close(torch.from_numpy(own), wanted, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(wanted, untouched, atol=1e-4)


def test_checkpoints_of_one_part_are_asked_together_and_their_lower_layers_once(tiny_models, scored):
    question, (run, model) = pictures_question(), loaded(tiny_models)
    parts = ("last_stage", "last_stage", "last_stage", "visual_encoder", "visual_encoder")
    files = [a_checkpoint(model, f"{n}.safetensors", 0.01 * (n + 1), part) for n, part in enumerate(parts)]
    answers(asking_of(run, model), question, *files)
    assert len(scored) == 3 + 3 + 3  # pictures: the first three checkpoints at once, the others each alone


def test_checkpoints_of_equal_bytes_have_equal_scores(tiny_models, scored):
    question, (run, model) = pictures_question(), loaded(tiny_models)
    files = [a_checkpoint(model, f"{n}.safetensors", 0.01, "last_stage") for n in range(2)]
    first, second = answers(asking_of(run, model), question, *files)
    assert np.array_equal(first, second)


@pytest.mark.parametrize(("room", "times"), [(10**9, 1), (0, 0)], ids=["memory for all", "none"])
def test_pictures_are_seen_once_up_to_what_was_trained_where_memory_holds_that(tiny_models, monkeypatch, room, times):
    monkeypatch.setattr(asking, "processes_for", lambda model: 1)
    monkeypatch.setattr(asking, "KEPT_BYTES", room)
    run, model = loaded(tiny_models, "clip", "resnet")
    question = pictures_question()
    question = replace(question, pictures=Pictures(question.benchmark.paths, model.fit))
    files = [a_checkpoint(model, f"{n}.safetensors", 0.01 * (n + 1)) for n in range(3)]
    seen, whole, embed = [], [], Clip.embed_images
    monkeypatch.setattr(Clip, "embed_images", lambda self, images: whole.append(len(images)) or embed(self, images))
    above = Clip.embed_above
    monkeypatch.setattr(Clip, "embed_above", lambda self, x, blocks: seen.append(blocks) or above(self, x, blocks))
    answers(asking_of(run, model), question, *files)
    assert seen == [4 * times] * 3  # a ModifiedResNet's head lies above four stages
    assert whole == [3] * 3 * (1 - times)


@pytest.mark.parametrize(
    "change",
    [
        lambda: Image.new("RGB", (40, 40), "red").save("0.png"),
        lambda: {"arch": ("a photo of an arch",)},
    ],
    ids=["another picture", "another prompt"],
)
def test_scores_are_made_anew_when_a_picture_or_a_prompt_changes(tiny_models, scored, change):
    question, (run, model) = pictures_question(), loaded(tiny_models)
    asking_of(run, model).untouched(question, WAYS)
    changed = change() or {}
    asking_of(run, model).untouched(question, WAYS | changed)
    assert len(scored) == 6


def prefiltered(tiny_models, keep, weights=None):
    quick = {"keep": keep, "family": "clip", "weights": str(weights or tiny_models["clip", "resnet"])}
    return loaded(tiny_models, candidates=quick)


def test_a_prefilter_leaves_pairs_out_and_scores_the_rest_alike(tiny_models, scored):
    question, (run, model) = pictures_question(), prefiltered(tiny_models, keep=1)
    every = asking_of(replace(run, candidates="all"), model).untouched(question, WAYS)
    assert np.isfinite(every).all() and sum(scored) == 9
    found = asking_of(run, model).untouched(question, WAYS)
    left_out = found == -np.inf
    assert left_out.any() and not left_out.all(axis=1).any() and not left_out.all(axis=0).any()
    np.testing.assert_allclose(
        found[~left_out], every[~left_out], rtol=0, atol=1e-5
    )  # other neighbours, other rounding


def test_a_prefilter_is_asked_once_a_question_and_not_for_each_checkpoint(tiny_models, scored, monkeypatch):
    question, (run, model) = pictures_question(), prefiltered(tiny_models, keep=1)
    asked, choose = [], asking.allowed
    monkeypatch.setattr(asking, "allowed", lambda *words: asked.append(words) or choose(*words))
    way = asking_of(run, model)
    way.untouched(question, WAYS)
    answers(way, question, a_checkpoint(model, "first.safetensors", by=0.5))
    assert len(asked) == 1
    way.untouched(question, WAYS | {"arch": ("stones",)})
    assert len(asked) == 2


def test_a_prefilter_of_the_same_name_that_chooses_other_pairs_has_scores_of_its_own(tiny_models, scored, monkeypatch):
    question, (run, model) = pictures_question(), prefiltered(tiny_models, keep=1)
    chosen = np.array([[1, 0], [0, 1], [1, 0]], bool)
    for pairs in (chosen, ~chosen):
        monkeypatch.setattr(asking, "allowed", lambda run, question, ways, pairs=pairs: pairs)
        found = asking_of(run, model).untouched(question, WAYS)
        assert np.array_equal(np.isfinite(found), pairs)
