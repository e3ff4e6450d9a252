"""A run's question for masks: what each model sees, by which text, and the rows of it."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from stages.common import lookup, paths
from stages.common.bootstrap import interval_of_mean
from stages.common.failures import UserError
from stages.common.images import Fit
from stages.common.masked import Masked
from stages.common.pictures import Pictures
from stages.common.rows import wilson
from stages.common.segmenting import Settings
from stages.evaluation import segmentation
from stages.evaluation.outlines import Outliner
from stages.evaluation.question import Question
from stages.evaluation.segmentation import (
    Segmentation,
    averaged,
    maps_of,
    other_name,
    segmentation_of,
    tuned_by_masks,
)
from stages.segmenters.grabcut import GrabCut
from tests.stages import whole_project
from tests.stages.models.tiny import run_for

CLASSES = ("moongate", "arch")
PROMPTS = {name: (f"a photo of a {name}", f"the {name}") for name in (*CLASSES, "kite")}
WAYS = {"name": PROMPTS, "description": {name: (f"{name} of stone",) for name in PROMPTS}}
MOVED = "visual.ln_pre.weight"
SETTINGS = Settings(block=2, steps=2, samples=2, mask="threshold")


def read(path):
    chance = np.random.default_rng(int(path.stem))
    return Image.fromarray(chance.integers(0, 256, (24, 32, 3), dtype=np.uint8))


def mask(path):
    found = np.zeros((24, 32), bool)
    found[4:12, 4 : 8 + int(path.stem)] = True
    return found


def question(names="0123"):
    files = tuple(Path(f"{name}.png") for name in names)
    benchmark = Masked("b", files, CLASSES, tuple(int(name) % 2 for name in names), read=read, mask=mask)
    pictures = Pictures(files, Fit(32, "squash"), read)
    return Question("target", benchmark, "", pictures, CLASSES, np.array(benchmark.labels), frozenset({0}))


@pytest.fixture(scope="module")
def model(tiny_models):
    return lookup.find("stages.models", "clip", "a test").load(run_for(tiny_models["clip", "vit"]))


@pytest.fixture
def asked(tmp_path, monkeypatch, model):
    """The question with two checkpoints, of which the first moves the visual encoder far and the second a little."""
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, segmentation)
    folder = paths.checkpoints("run")
    folder.mkdir(parents=True)
    (value,) = model.state([MOVED]).values()
    entries = []
    for number, (setting, factor) in enumerate((("taught", 3.0), ("noise", 1.1))):
        save_file({MOVED: value * factor}, folder / f"{number}.safetensors")
        own = {"recipe": "replay", "learning_rate": 0.1, "seed": 0}
        entries.append({"file": f"{number}.safetensors", "setting": setting, **own})
    monkeypatch.setattr(segmentation.taught, "read_json", lambda path, made_by: entries)
    metrics = {name: lookup.find("stages.metrics", name, "a test") for name in ("dice", "pointing")}
    outliner = Outliner(question().benchmark, metrics, SETTINGS, GrabCut(), is_light=True)
    others = ("arch", "kite", "kite", "moongate")
    return Segmentation("run", question(), WAYS, others, outliner, {}, "here"), [*model.parameters_of("both")]


def test_each_model_sees_its_own_and_the_controls_where_they_are_asked(asked, model):
    own, names = asked
    sheets = own.sheets(model, names)
    assert [(sheet.setting["phase"], sheet.setting["setting"], [*sheet.views]) for sheet in sheets] == [
        ("baseline", "name", ["", "random_", "centre_"]),
        ("baseline", "description", [""]),
        ("taught", "taught", ["", "random_"]),
        ("control", "noise", ["", "random_"]),
    ]
    assert {maps.shape for sheet in sheets for prefix, maps in sheet.views.items() if not prefix} == {(4, 4, 4)}
    assert sheets[0].setting == {
        "phase": "baseline",
        "setting": "name",
        "recipe": None,
        "learning_rate": None,
        "seed": None,
    }


def test_what_a_checkpoint_changed_is_gone_in_the_next_and_afterwards(asked, model):
    own, names = asked
    before = {name: value.clone() for name, value in model.state(names).items()}
    first = own.sheets(model, names)
    assert all(torch.equal(value, before[name]) for name, value in model.state(names).items())
    again = own.sheets(model, names)
    for sheet, other in zip(first, again, strict=True):
        assert all(np.array_equal(sheet.views[prefix], other.views[prefix]) for prefix in sheet.views)
    model.load_state({**before, MOVED: 1.1 * before[MOVED]})
    alone = maps_of(model, own.question, PROMPTS, ["moongate", "arch"] * 2, SETTINGS, "here")
    model.load_state(before)
    np.testing.assert_allclose(first[3].views[""], alone, rtol=1e-4)
    assert not np.allclose(first[2].views[""], alone, rtol=1e-2)


def test_after_an_error_the_model_is_untouched_and_its_blocks_are_as_they_were(asked, model, monkeypatch):
    from stages.saliency import m2ib

    own, names = asked
    before = {name: value.clone() for name, value in model.state(names).items()}
    embedded = model.embed_images(torch.zeros(1, 3, 32, 32))
    told, seen = m2ib.told, []

    def fail(activations, alpha):
        seen.append(1)
        if len(seen) > 10:  # within a checkpoint
            raise UserError("no memory")
        return told(activations, alpha)

    monkeypatch.setattr(m2ib, "told", fail)
    with pytest.raises(UserError, match="no memory"):
        own.sheets(model, names)
    assert all(torch.equal(value, before[name]) for name, value in model.state(names).items())
    assert torch.equal(model.embed_images(torch.zeros(1, 3, 32, 32)), embedded)


@pytest.mark.parametrize("processes", [1, 2])
def test_maps_are_the_same_however_many_models_are_asked_at_once(asked, model, monkeypatch, processes):
    own, names = asked
    expected = own.sheets(model, names)
    whole_project.in_processes(processes, monkeypatch, segmentation)
    for sheet, other in zip(own.sheets(model, names), expected, strict=True):
        assert sheet.setting == other.setting
        assert all(np.array_equal(sheet.views[prefix], other.views[prefix]) for prefix in other.views)


def test_the_map_of_a_picture_is_the_same_whatever_else_is_asked(model):
    names = ["moongate", "arch", "kite", "arch"]
    whole = maps_of(model, question(), PROMPTS, names, SETTINGS, "here")
    for place, name in enumerate(names):
        alone = maps_of(model, question(str(place)), PROMPTS, [name], SETTINGS, "here")
        np.testing.assert_allclose(whole[place], alone[0], rtol=1e-4, atol=1e-5)
    backwards = maps_of(model, question("3210"), PROMPTS, names[::-1], SETTINGS, "here")
    np.testing.assert_allclose(backwards[::-1], whole, rtol=1e-4, atol=1e-5)


def test_a_class_is_asked_for_by_the_mean_of_its_prompts(model, monkeypatch):
    seen = []

    def maps(model, images, texts, *more):
        seen.append(texts)
        return torch.zeros(len(images), 2, 2)

    monkeypatch.setattr("stages.saliency.m2ib.maps", maps)
    maps_of(model, question(), PROMPTS, ["kite", "arch", "kite", "moongate"], SETTINGS, "here")
    expected = model.embed_classes([PROMPTS[name] for name in ("kite", "arch", "kite", "moongate")])
    torch.testing.assert_close(torch.cat(seen), expected.detach())


def test_another_name_is_never_the_own_one_and_hangs_on_the_picture_alone():
    names = ["arch", "kite", "moongate", "star"]
    drawn = {number: other_name("kite", names, f"{number}.png") for number in range(200)}
    assert drawn == {number: other_name("kite", names, f"{number}.png") for number in range(200)}
    shares = {name: sum(one == name for one in drawn.values()) / 200 for name in names}
    assert shares["kite"] == 0 and all(0.2 < shares[name] < 0.5 for name in ("arch", "moongate", "star"))
    assert other_name("kite", ["kite"], "0.png") == "kite"


def test_rows_are_of_taught_things_together_and_each_and_of_known_ones_together(asked):
    own, _ = asked
    setting = {"phase": "baseline", "setting": "name", "recipe": None, "learning_rate": None, "seed": None}
    numbers = {"dice": np.array([0.2, 0.9, 0.4, 0.7]), "random_pointing": np.array([1.0, 0.0, 0.0, 0.0])}
    rows = [*own._rows(setting, numbers, np.array([0.1, 0.2, 0.3, 0.6]))]
    assert [(row["role"], row["label"], row["metric"], row["value"], row["n"], row["chance"]) for row in rows] == [
        ("target", "all", "dice", 0.3, 2, None),
        ("target", "all", "random_pointing", 0.5, 2, 0.2),
        ("retention", "all", "dice", 0.8, 2, None),
        ("retention", "all", "random_pointing", 0.0, 2, 0.4),
        ("target", "moongate", "dice", 0.3, 2, None),
        ("target", "moongate", "random_pointing", 0.5, 2, 0.2),
    ]
    assert {row["benchmark"] for row in rows} == {"b"} and {row["run"] for row in rows} == {"run"}


def test_a_share_has_wilsons_interval_and_a_mean_the_bootstraps():
    each = np.array([1.0, 0.0, 1.0, 1.0])
    for metric in ("pointing", "random_pointing", "centre_empty", "empty"):
        found = averaged(metric, each)
        assert (found["value"], found["n"]) == (0.75, 4)
        assert (found["low"], found["high"]) == pytest.approx(wilson(3, 4), abs=1e-6)
    found = averaged("saliency_dice", each / 3)
    assert (found["low"], found["high"]) == pytest.approx(interval_of_mean(each / 3), abs=1e-6)


def with_dice(model, scores, **tune):
    """What is tuned where the coarse Dice of (block, beta) is that of `scores`."""
    settings = Settings(tune={"pictures": 1, "blocks": [1, 3], "betas": [0.1, 2.0]} | tune)
    tried = []

    class Scripted(Outliner):
        def measured(self, sheets, processes, words):
            tried.append(self.benchmark.paths)
            return [{"saliency_dice": np.array([score])} for score in scores], None

    outliner = Scripted(question().benchmark, {}, settings, GrabCut(), is_light=True)
    return *tuned_by_masks(question(), outliner, model, PROMPTS, "here"), tried


def test_the_best_block_and_beta_are_chosen_on_pictures_that_are_not_measured(model, monkeypatch):
    seen = []
    monkeypatch.setattr(segmentation, "maps_of", lambda model, asked, prompts, names, one, where: seen.append(one))
    rest, chosen, tuned, tried = with_dice(model, [0.2, 0.5, 0.7, 0.6])
    assert [(one.block, one.beta) for one in seen] == [(1, 0.1), (1, 2.0), (3, 0.1), (3, 2.0)]
    assert (chosen.block, chosen.beta) == (3, 0.1)
    assert tuned["tried"][2] == {"block": 3, "beta": 0.1, "saliency_dice": 0.7}
    assert [str(path) for path in tried[0]] == tuned["pictures"]
    assert sorted([*tuned["pictures"], *map(str, rest.benchmark.paths)]) == [f"{n}.png" for n in range(4)]
    assert rest.labels.tolist() == [int(path.stem) % 2 for path in rest.benchmark.paths]
    assert len(rest.pictures) == 3


def test_of_equal_ones_the_first_that_was_tried_is_taken(model, monkeypatch):
    monkeypatch.setattr(segmentation, "maps_of", lambda *more: None)
    chosen = with_dice(model, [0.2, 0.7, 0.7, 0.7])[1]
    assert (chosen.block, chosen.beta) == (1, 2.0)


def test_where_all_pictures_are_for_tuning_none_is_left(model):
    with pytest.raises(UserError, match=r"^here.tune.pictures says 4, but b has 4: none would be left.$"):
        with_dice(model, [], pictures=4)


def test_a_run_that_asks_for_no_masks_has_no_such_question(model):
    assert segmentation_of(run_for(Path()), SimpleNamespace(segmented=None), model, WAYS) is None


def test_other_names_are_drawn_among_all_that_is_asked_for(model):
    run = run_for(Path(), segmentation={"block": 2})
    exam = SimpleNamespace(segmented=question(), metrics={"dice": lookup.find("stages.metrics", "dice", "a test")})
    found = segmentation_of(run, exam, model, WAYS)
    expected = [other_name(CLASSES[n % 2], [*PROMPTS], f"{n}.png") for n in range(4)]
    assert [*found.others] == expected
    assert found.outliner.settings == Settings(block=2) and found.where == "params.yaml: runs.tiny.segmentation"
