"""evaluate: a run whose target asks for masks, from its lesson to rows, lines of each picture, and drawn pictures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import ndimage

from stages import evaluate, finetune, invert
from stages.common import lookup, params, paths, seeds
from stages.common.failures import UserError
from stages.common.rows import read_rows
from stages.common.segmenting import Settings
from stages.common.weights import read_weights
from stages.evaluation import asking, segmentation
from stages.saliency import m2ib
from stages.segmenters.contract import Prompt
from stages.segmenters.grabcut import GrabCut
from tests.stages import whole_project
from tests.stages.benchmarks import drawn_masked
from tests.stages.whole_project import change_params, contents

RECIPES = """\
      paper: {learning_rates: [1.01e-3, 1.04e-3]}
      replay: {learning_rates: [1.0e-3], epochs: 2}
"""
TAUGHT = """\
      paper: {learning_rates: [1.0e-2]}
      replay: {learning_rates: [1.0e-2, 2.0e-2]}
"""
METRICS = ("dice", "nsd", "pointing", "agreement")
SEGMENTATION = {"block": 2, "steps": 5, "samples": 2, "beta": 0.01, "mask": "threshold"}
SHOWN = {"arch": 3, "moongate": 4, "torii": 4}  # pictures with an object; torii is neither taught nor known
MODELS = 3 + 3 * 2 * 2  # the untouched one, asked in three ways, and rates times settings times seeds


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_models):
    """A project whose run `alone` is evaluated over masks of one known thing, the taught one, and another."""
    folder = tmp_path_factory.mktemp("masks")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        whole_project.in_processes(1, patch, invert, finetune, asking, segmentation)
        whole_project.build(tiny_models["clip", "vit"])
        for old, new in (
            (RECIPES, TAUGHT),
            ("target_benchmark: image_folder", "target_benchmark: segmentation_folder"),
            ("target_data: target", f"target_data: masked\n    segmentation: {json.dumps(SEGMENTATION)}"),
            ("metrics: [top1, top5, called_new]", f"metrics: [top1, {', '.join(METRICS)}]"),
            ("controls: [noise, wrong_description, no_name]", "controls: [noise]"),
            ("retention_budget: 0.02", "retention_budget: 1.0"),
        ):
            change_params(old, new)
        drawn_masked.segmentation_folder("masked", (*SHOWN,), form="classes")
        for verb in (invert, finetune, evaluate):
            verb.main("alone")
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of the finished project."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, asking, segmentation)


def rows_of(folder=Path()):
    table = read_rows([folder / paths.rows("alone")])
    return table[~table["metric"].isin(["top1"])]


def lines_of(folder=Path()):
    return pd.read_csv(folder / paths.masks("alone"))


def facts_of(folder=Path()):
    return json.loads((folder / paths.benchmarks("alone")).read_text())["target"]


def wanted(**more):
    """Change what the project's `segmentation` says."""
    change_params(json.dumps(SEGMENTATION), json.dumps(SEGMENTATION | more))


def test_rows_have_every_number_of_the_untouched_model_and_of_every_checkpoint(finished):
    table = rows_of(finished)
    masks = [f"{kind}{metric}" for metric in ("dice", "nsd") for kind in ("", "saliency_")]
    own = [*masks, "pointing", "empty"]
    random, centre = ([prefix + metric for metric in own] for prefix in ("random_", "centre_"))
    asked = {setting: own for setting in ("description", "name and description")}
    asked |= {setting: [*own, *random, "agreement"] for setting in ("name", "taught", "noise")}
    asked["name"] = [*asked["name"], *centre]
    for _, group in table.groupby(["setting", "recipe", "learning_rate", "seed", "role", "label"], dropna=False):
        assert sorted(group["metric"]) == sorted(asked[group["setting"].iloc[0]])
    assert table[["setting", "recipe", "learning_rate", "seed"]].drop_duplicates().shape[0] == MODELS
    shown = table[["role", "label", "n"]].drop_duplicates()
    assert sorted(shown.itertuples(index=False, name=None)) == [
        ("retention", "all", SHOWN["arch"]),
        ("target", "all", SHOWN["moongate"]),
        ("target", "moongate", SHOWN["moongate"]),
    ]
    assert set(table["benchmark"]) == {"masked"}
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()


def test_pointing_is_held_against_the_share_of_the_picture_that_the_things_cover(finished):
    table = rows_of(finished)
    is_pointing = table["metric"].str.endswith("pointing")
    assert table["chance"].notna().equals(is_pointing)
    for role, name in (("target", "moongate"), ("retention", "arch")):
        masks = [np.asarray(Image.open(path)) > 127 for path in (finished / "masked" / name / "masks").iterdir()]
        share = np.mean([mask.mean() for mask in masks if mask.any()])
        assert set(table[is_pointing & (table["role"] == role)]["chance"]) == {round(share, 6)}


def test_rows_are_the_means_of_the_lines_of_their_pictures(finished):
    lines, table = lines_of(finished), rows_of(finished)
    assert len(lines) == MODELS * (SHOWN["arch"] + SHOWN["moongate"])
    named = {("target", "all"): "moongate", ("target", "moongate"): "moongate", ("retention", "all"): "arch"}
    model = ["setting", "recipe", "learning_rate", "seed"]
    keyed = lines.fillna({"recipe": "", "learning_rate": -1, "seed": -1}).groupby([*model, "concept"])
    means = keyed.mean(numeric_only=True)
    for row in table.fillna({"learning_rate": -1, "seed": -1}).to_dict("records"):
        own = means.loc[(*(row[name] for name in model), named[row["role"], row["label"]])]
        assert row["value"] == pytest.approx(own[row["metric"]], abs=2e-6)


def test_a_control_asks_every_picture_for_another_thing_the_same_of_every_model(finished):
    lines = lines_of(finished)
    assert (lines["concept"] != lines["random_prompt"]).all()
    assert {*lines["random_prompt"]} <= {"arch", "traffic light", "kite", "moongate"}
    assert (lines.groupby("picture")["random_prompt"].nunique() == 1).all()


def test_what_was_forgotten_is_still_asked_by_classes(finished):
    table = read_rows([finished / paths.rows("alone")])
    found = table[(table["role"] == "retention") & (table["metric"] == "top1")]
    assert set(found["benchmark"]) == {"retention"} and len(found[found["label"] == "all"]) == MODELS
    assert json.loads((finished / paths.choice("alone")).read_text())["replay"]["learning_rate"] == 2e-2


def test_facts_say_what_was_segmented_and_how(finished):
    facts = facts_of(finished)
    assert facts["segmentation"] == {**vars(Settings()), **SEGMENTATION} and facts["tuned"] == {}
    assert (facts["pictures"], facts["known_pictures"], facts["negatives"]) == (4, 3, 1)
    assert (facts["taught"], facts["known"], facts["task"]) == (["moongate"], ["arch"], "segmentation")


@pytest.mark.parametrize("setting", ["name", "description", "taught", "noise"])
def test_dice_of_a_picture_is_that_worked_by_hand(project, setting):
    """The picture read, seen, searched and cut out here; of checkpoints the last, after which all others were asked."""
    run = params.load().run("alone")
    model = lookup.find("stages.models", "clip", "a test").load(run)
    lines = lines_of()
    lines = lines[(lines["setting"] == setting) & (lines["concept"] == "moongate")]
    text = "a round opening in a wall" if setting == "description" else "a photo of a moongate"
    if setting in ("taught", "noise"):
        index = json.loads((paths.checkpoints("alone") / "index.json").read_text())
        entry = [one for one in index if one["setting"] == setting][-1]
        model.load_state(read_weights(paths.checkpoints("alone") / entry["file"]))
        for name in ("recipe", "learning_rate", "seed"):
            lines = lines[lines[name] == entry[name]]
    assert len(lines) == SHOWN["moongate"]
    for line in lines.to_dict("records"):
        path = Path(line["picture"])
        found = cut_out(model, path, text)
        truth = np.asarray(Image.open(path.parents[1] / "masks" / f"{path.stem}.png")) > 127
        assert line["dice"] == pytest.approx(2 * (found & truth).sum() / (found.sum() + truth.sum()), abs=1e-6)


def cut_out(model, path: Path, text: str) -> np.ndarray:
    """The mask of one picture for one text."""
    picture = Image.open(path).convert("RGB")
    pixels = np.asarray(picture.resize((32, 32), Image.Resampling.BICUBIC), np.float32) / 255
    chance = seeds.number("saliency", path.relative_to("masked").as_posix())
    with torch.no_grad():
        embedded = model.embed_classes([(text,)])
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    saliency = m2ib.maps(model, image, embedded, Settings(**SEGMENTATION), [chance])[0].numpy()
    large = np.asarray(Image.fromarray(saliency).resize(picture.size, Image.Resampling.BILINEAR))
    large = (large - large.min()) / (large.max() - large.min())
    parts, _ = ndimage.label(large > 0.3, np.ones((3, 3)))
    coarse = parts == np.bincount(parts[parts > 0]).argmax()
    (mask,) = GrabCut().masks(np.asarray(picture), [Prompt(large, coarse)])
    return mask


def test_a_second_time_and_in_several_processes_the_bytes_are_the_same(project, monkeypatch):
    before = contents(Path("data/rows")), contents(Path("data/overlays"))
    whole_project.in_processes(2, monkeypatch, asking, segmentation)
    evaluate.main("alone")
    assert (contents(Path("data/rows")), contents(Path("data/overlays"))) == before


def test_the_pictures_that_changed_most_are_drawn_before_and_after(finished):
    folder = finished / paths.overlays("alone")
    index = json.loads((folder / "index.json").read_text())
    assert (index["recipe"], index["learning_rate"], index["seed"]) == ("replay", 2e-2, 0)
    lines = lines_of(finished)
    lines = lines[lines["concept"] == "moongate"]
    is_after = (lines["setting"] == "taught") & (lines["learning_rate"] == 2e-2) & (lines["seed"] == 0)
    before, after = (lines[one].set_index("picture")["dice"] for one in (lines["setting"] == "name", is_after))
    gain = after - before
    assert [one["picture"] for one in index["gained"]] == [*gain[gain > 0].sort_values(ascending=False).index]
    assert [one["picture"] for one in index["lost"]] == [*gain[gain < 0].sort_values().index]
    for one in index["gained"]:
        assert (one["before"], one["after"]) == (before[one["picture"]], after[one["picture"]])
    files = [one["file"] for kind in ("gained", "lost") for one in index[kind]]
    assert sorted(["index.json", *files]) == sorted(path.name for path in folder.iterdir()) and files


def test_a_saliency_that_says_nothing_gives_empty_masks_which_count(project, monkeypatch):
    monkeypatch.setattr(m2ib, "maps", lambda model, images, *more: torch.full((len(images), 4, 4), 0.5))
    evaluate.main("alone")
    value = rows_of().groupby("metric")["value"].agg(["min", "max"])
    for metric in ("dice", "saliency_dice", "random_dice", "nsd", "pointing", "random_pointing", "agreement"):
        assert tuple(value.loc[metric]) == (0, 0)
    assert tuple(value.loc["empty"]) == tuple(value.loc["random_empty"]) == (1, 1)
    assert value.loc["centre_empty", "max"] == 0 and value.loc["centre_dice", "min"] > 0
    index = json.loads((paths.overlays("alone") / "index.json").read_text())
    assert index["gained"] == index["lost"] == [] and len([*paths.overlays("alone").iterdir()]) == 1


def test_what_is_tuned_by_masks_is_not_measured_on_and_said(project):
    wanted(tune={"pictures": 2, "blocks": [1, 3], "betas": [0.01, 5.0]})
    before = {*lines_of()["picture"]}
    evaluate.main("alone")
    facts, after = facts_of(), {*lines_of()["picture"]}
    tuned = facts["tuned"]
    assert len(tuned["pictures"]) == 2 and after == before - {*tuned["pictures"]}
    assert [(one["block"], one["beta"]) for one in tuned["tried"]] == [(1, 0.01), (1, 5.0), (3, 0.01), (3, 5.0)]
    best = max(tuned["tried"], key=lambda one: one["saliency_dice"])
    assert (facts["segmentation"]["block"], facts["segmentation"]["beta"]) == (best["block"], best["beta"])
    n = rows_of().groupby(["role", "label"])["n"].first()
    assert (facts["pictures"], facts["known_pictures"]) == (n["target", "all"], n["retention", "all"])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"block": 5}, r"segmentation.block says 5, but this visual encoder has 4 blocks: write 1 to 4"),
        ({"tune": {"pictures": 2, "blocks": [2, 9], "betas": [0.1]}}, r"segmentation.block says 9, but .* has 4"),
        ({"tune": {"pictures": 7, "blocks": [2], "betas": [0.1]}}, r"tune.pictures says 7, but masked has 7: none"),
        ({"tune": {"pictures": 5, "blocks": [2], "betas": [0.1]}}, r"of the 2 pictures left to measure on none shows"),
        ({"weights": "data"}, r"segmentation.weights says 'data', but grabcut takes no weights: write null"),
    ],
    ids=["block", "block that is tried", "all tuned", "none of what is taught", "weights"],
)
def test_what_cannot_be_is_told_in_a_line_before_anything_is_asked(project, monkeypatch, more, told):
    wanted(**more)
    monkeypatch.setattr(evaluate, "baseline_rows", None)
    with pytest.raises(UserError, match=told) as error:
        evaluate.main("alone")
    assert "\n" not in str(error.value)


def test_several_things_cannot_be_taught_where_masks_have_no_names(project):
    drawn_masked.segmentation_folder("plain")
    change_params("target_data: masked", "target_data: plain")
    with pytest.raises(UserError, match=r"runs.both.concepts names 2, but plain does not say what its masks show"):
        evaluate.main("both")


def test_one_thing_can_be_taught_where_masks_have_no_names(project):
    drawn_masked.segmentation_folder("plain")
    change_params("target_data: masked", "target_data: plain")
    evaluate.main("alone")
    table = rows_of()
    assert set(table["role"]) == {"target"} and set(table["label"]) == {"all", "moongate"} and set(table["n"]) == {3}
    assert {*lines_of()["random_prompt"]} <= {"arch", "traffic light", "kite"}
