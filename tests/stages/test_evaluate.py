"""evaluate: a whole small run, what it keeps, and what it refuses."""

import csv
import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from stages import evaluate, finetune, invert
from stages.common import lookup, params, paths
from stages.common.failures import UserError
from stages.common.images import Fit, read_images
from stages.common.open_clip_import import import_open_clip
from stages.common.rows import read_rows
from stages.evaluation import asking
from stages.evaluation.exam import exam_of, prompts_of
from stages.models import clip
from stages.models.clip import Clip, save
from tests.stages import taught_project, whole_project
from tests.stages.made_up_rows import captioned, result
from tests.stages.recipes.lessons import fresh
from tests.stages.whole_project import KNOWN, KNOWN_CLASSES, PICTURES, contents


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_models):
    """A project whose run `both` is inverted, fine-tuned and evaluated."""
    folder = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        whole_project.in_processes(1, patch, invert, finetune, asking)
        whole_project.build(tiny_models["clip", "resnet"])
        for verb in (invert, finetune, evaluate):
            verb.main("both")
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of the finished project."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, asking)


def test_classes_have_the_same_columns_in_both_benchmarks(project):
    run = params.load().run("swapped")
    concepts = json.loads(paths.lesson("swapped").read_text())["concepts"]
    exam = exam_of(run, concepts, KNOWN_CLASSES, Fit(32))
    for asked in exam.questions:
        assert asked.classes == ("arch", "traffic light", "kite", "tonometer", "moongate")
        for path, label in zip(asked.benchmark.paths, asked.labels, strict=True):
            assert path.parent.name == paths.slug(asked.classes[label])
    assert [(asked.role, len(asked.labels)) for asked in exam.questions] == [("target", 6), ("retention", 9)]


@pytest.mark.parametrize("mode", ["shortest", "squash"])
def test_a_wide_picture_is_seen_as_the_export_prepares_it(project, tiny_models, mode):
    """Every pixel of a picture, against the preprocess that open_clip makes of the exported folder."""
    wide = Image.radial_gradient("L").crop((20, 60, 110, 100)).convert("RGB")
    wide.save("target/moongate/0.png")
    weights = taught_project.fitted(tiny_models["clip", "resnet"], Path("weights"), mode)
    run = dataclasses.replace(params.load().run("both"), weights=str(weights))
    model = lookup.find("stages.models", "clip", "a test").load(run)
    concepts = json.loads(paths.lesson("both").read_text())["concepts"]
    target, _ = exam_of(run, concepts, KNOWN_CLASSES, model.fit).questions
    Path("exported").mkdir()
    save(model, Path("exported"))
    _, _, preprocess = import_open_clip().create_model_and_transforms("local-dir:exported")
    images = torch.cat(list(target.pictures))
    seen = preprocess.transforms[-1](images[target.benchmark.paths.index(Path("target/moongate/0.png"))])
    torch.testing.assert_close(seen, preprocess(wide), atol=1e-5, rtol=0)


def test_rows_are_complete_and_without_duplicates(finished):
    table = read_rows([finished / paths.rows("both")])
    # metrics x labels: target without called_new, retention with it; among five names the best five are all
    per_model = 1 * (1 + 2) + 2 * (1 + 3)
    assert len(table) == (3 + 24) * per_model
    assert Counter(table["phase"]) == {
        "baseline": 3 * per_model,
        "taught": 6 * per_model,
        "control": 18 * per_model,
    }
    assert set(table["label"]) == {"all", "moongate", "tonometer", *KNOWN}
    assert set(table[table["metric"] == "top1"]["chance"]) == {0.2}
    assert set(table[(table["label"] == "all") & (table["role"] == "target")]["n"]) == {2 * PICTURES}
    overall = table[(table["label"] == "all") & (table["metric"] == "top1") & (table["role"] == "retention")]
    labels = table[table["label"].isin(KNOWN) & (table["metric"] == "top1")]
    assert overall["value"].sum() == pytest.approx(labels["value"].sum() / 3, abs=1e-3)


def test_what_was_taught_and_kept_is_said_in_a_line():
    shares = {"target_before": 0.05, "target_after": 0.9, "retention_before": 0.994, "retention_after": 0.976}
    line = {"recipe": "replay", "learning_rate": 2e-3, **shares}
    said = "together: replay at learning rate 0.002: target 5.0% -> 90.0%, retention 99.4% -> 97.6%"
    assert evaluate.told(result(), line) == said
    said = "together: replay at learning rate 0.002: CIDEr 5.0 -> 90.0, retention 99.4% -> 97.6%"
    assert evaluate.told(captioned(), line) == said


def test_the_choice_covers_every_recipe_with_one_of_its_rates(finished):
    choice = json.loads((finished / paths.choice("both")).read_text())
    assert choice["paper"]["learning_rate"] in (1.01e-3, 1.04e-3)
    assert choice["replay"]["learning_rate"] == 1e-3


def test_values_are_those_of_the_checkpoint(project, tiny_models):
    """One row of a control, worked again with nothing of evaluate."""
    folder = paths.checkpoints("both")
    entry = json.loads((folder / "index.json").read_text())[-1]
    model = fresh(tiny_models["clip", "resnet"])
    model.load_state(load_file(folder / entry["file"]))
    prompts = [f"a photo of {name}" for name in ("an arch", "a traffic light", "a kite", "a moongate", "a tonometer")]
    hits = []
    for column, name in ((3, "moongate"), (4, "tonometer")):
        images = read_images(sorted(Path(f"target/{name}").glob("*.png")))
        hits += (model.similarity(images, prompts).argmax(1) == column).tolist()
    with paths.rows("both").open() as file:
        wanted = {key: str(entry[key]) for key in ("recipe", "setting", "learning_rate", "seed")}
        wanted |= {"role": "target", "label": "all", "metric": "top1"}
        (row,) = [row for row in csv.DictReader(file) if wanted.items() <= row.items()]
    assert float(row["value"]) == pytest.approx(sum(hits) / 6, abs=1e-6)


def test_a_second_time_gives_the_same_bytes_and_embeds_no_picture_with_the_untouched_model(project, monkeypatch):
    before = contents(Path("data/rows"))
    asked, embed = [], Clip.embed_images
    monkeypatch.setattr(Clip, "embed_images", lambda self, images: asked.append(len(images)) or embed(self, images))
    evaluate.main("both")
    assert contents(Path("data/rows")) == before
    assert sum(asked) == 16 * 15  # of 24 checkpoints those of the whole encoder, each 6 + 9 pictures
    shutil.rmtree(paths.CACHE / "embedded")
    asked.clear()
    evaluate.main("both")
    assert sum(asked) == 17 * 15
    assert contents(Path("data/rows")) == before


def test_the_settings_behind_the_numbers_are_kept_beside_them_as_the_report_compares_them(project):
    settings = json.loads(paths.benchmarks("both").read_text())["settings"]
    lesson = json.loads(paths.lesson("both").read_text())["concepts"]
    assert settings == params.load().run("both").measured_by(lesson)
    assert settings["recipes"]["paper"]["learning_rates"] == [1.01e-3, 1.04e-3]
    assert {"seeds", "controls", "template", "candidates", "target_data", "retention_benchmark"} <= settings.keys()


def test_several_processes_give_the_same_bytes_as_one(project, monkeypatch):
    before = contents(Path("data/rows"))
    whole_project.in_processes(2, monkeypatch, asking)
    evaluate.main("both")
    assert contents(Path("data/rows")) == before


def test_the_file_of_before_and_after_agrees_with_rows_and_choice(finished):
    with (finished / paths.before_after("both")).open() as file:
        lines = list(csv.DictReader(file))
    rows, choice = read_rows([finished / paths.rows("both")]), json.loads((finished / paths.choice("both")).read_text())
    taught = [line for line in lines if line["setting"] == "taught"]
    assert len(taught) == 3 and len(lines) == 3 + 3 + 2 * 3  # ways of asking, learning rates, controls of each choice
    for line in taught:
        own = rows[(rows["setting"] == "taught") & (rows["recipe"] == line["recipe"]) & (rows["label"] == "all")]
        own = own[(own["learning_rate"] == float(line["learning_rate"])) & (own["metric"] == "top1")]
        for role in ("target", "retention"):
            assert float(line[f"{role}_after"]) == pytest.approx(own[own["role"] == role]["value"].mean(), abs=1e-4)
        is_chosen = choice[line["recipe"]]["learning_rate"] == float(line["learning_rate"])
        assert line["chosen"] == ("yes" if is_chosen else "no")
        assert (line["seeds"], line["target_pictures"], line["retention_pictures"]) == ("2", "6", "9")


def test_several_runs_give_the_bytes_of_one_at_a_time_with_one_model(project, monkeypatch):
    """The second run meets the model that has just held every checkpoint of the first."""
    for verb in (invert, finetune):
        verb.main("swapped")
    for run in ("swapped", "both"):
        evaluate.main(run)
    before, loaded, load = contents(Path("data/rows")), [], clip.load
    shutil.rmtree("data/rows")
    shutil.rmtree(paths.CACHE / "embedded")
    monkeypatch.setattr(clip, "load", lambda run: loaded.append(run.key) or load(run))
    with pytest.raises(UserError, match=r"^1 of 3 failed: alone\.$"):
        evaluate.main("both", "alone", "swapped")
    assert loaded == ["both"]
    assert contents(Path("data/rows")) == before


def test_checkpoints_of_different_parts_do_not_mix(project):
    """A checkpoint of the whole visual encoder, then one of its last stage: the second starts from the untouched."""
    folder = paths.checkpoints("both")
    index = json.loads((folder / "index.json").read_text())
    replayed = [entry for entry in index if entry["recipe"] == "replay"]
    papers = [entry for entry in index if entry["recipe"] == "paper"]

    def found(entries):
        run = params.load().run("both")
        model = lookup.find("stages.models", "clip", "a test").load(run)
        concepts = json.loads(paths.lesson("both").read_text())["concepts"]
        exam = exam_of(run, concepts, KNOWN_CLASSES, Fit(32))
        ways = prompts_of(run, exam, concepts, KNOWN_CLASSES)["name"]
        files = [folder / entry["file"] for entry in entries]
        return [np.concatenate(one) for one in asking.asking_of(run, model).taught(exam.questions, ways, files)]

    (alone,), after = found(replayed[:1]), found([papers[0], replayed[0], papers[0]])
    assert np.array_equal(alone, after[1])
    assert np.array_equal(after[0], after[2]) and not np.array_equal(after[0], after[1])


def first_file(folder):
    return folder / json.loads((folder / "index.json").read_text())[0]["file"]


def truncate(file):
    file.write_bytes(file.read_bytes()[:-50])


def rename_tensors(file):
    save_file({f"other.{name}": value for name, value in load_file(file).items()}, file)


def reshape_tensors(file):
    save_file({name: value.flatten() for name, value in load_file(file).items()}, file)


def break_numbers(file):
    save_file({name: value * float("nan") for name, value in load_file(file).items()}, file)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (truncate, "truncated or of another kind"),
        (rename_tensors, "of another model: other.visual"),
        (reshape_tensors, "of another model: visual"),
        (break_numbers, "holds NaN"),
        (Path.unlink, "no such weights file"),
    ],
    ids=["truncated", "other names", "other shapes", "NaN", "missing"],
)
def test_a_broken_checkpoint_is_told_and_the_old_rows_stay(project, harm, told):
    harm(first_file(paths.checkpoints("both")))
    before = contents(Path("data/rows"))
    with pytest.raises(UserError, match=told):
        evaluate.main("both")
    assert contents(Path("data/rows")) == before


def test_a_run_that_was_not_finetuned_names_the_command(project):
    with pytest.raises(UserError, match="dvc repro finetune@alone"):
        evaluate.main("alone")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda: shutil.rmtree("target/tonometer"), "target has no folder for 1 of 2 classes: tonometer"),
        (lambda: shutil.rmtree("retention"), "runs.both.retention_data"),
        (lambda: Path("known.json").write_text("{"), "known.json is no JSON"),
    ],
)
def test_broken_benchmarks_are_told(project, harm, told):
    harm()
    with pytest.raises(UserError, match=told):
        evaluate.main("both")
