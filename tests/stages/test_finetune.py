"""finetune: one checkpoint for each recipe, rate, setting and seed, all from the same untouched model."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stages import finetune, invert
from stages.common import params, paths, seeds
from stages.common.failures import UserError
from stages.common.images import read_images
from stages.common.known_classes import KnownClass
from stages.common.recipes import recipes_of
from stages.finetune import Training, controlled, lesson_of, trainings
from stages.models import clip
from stages.recipes import captioning
from tests.stages import whole_project
from tests.stages.recipes.lessons import fresh, lesson, same
from tests.stages.whole_project import CONCEPTS, KNOWN_CLASSES, contents


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_models):
    """A project whose runs `both` and `alone` are inverted, and `both` fine-tuned."""
    folder = tmp_path_factory.mktemp("finetuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        whole_project.in_processes(1, patch, invert, finetune)
        whole_project.build(tiny_models["clip", "resnet"])
        invert.main("both")
        invert.main("alone")
        finetune.main("both")
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of the finished project."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, finetune)


@pytest.fixture
def checkpoints(finished):
    """{(recipe, setting, learning rate, seed): tensors}."""
    folder = finished / paths.checkpoints("both")
    index = json.loads((folder / "index.json").read_text())
    return {(e["recipe"], e["setting"], e["learning_rate"], e["seed"]): load_file(folder / e["file"]) for e in index}


def concepts_of(run):
    return json.loads(paths.lesson(run).read_text())["concepts"]


def test_every_recipe_rate_setting_and_seed_has_a_checkpoint(checkpoints):
    rates = {"paper": (1.01e-3, 1.04e-3), "replay": (1e-3,)}
    settings = ("taught", "noise", "wrong_description", "no_name")
    assert set(checkpoints) == {
        (recipe, setting, rate, seed)
        for recipe in rates
        for rate in rates[recipe]
        for setting in settings
        for seed in (0, 1)
    }


def test_the_folder_holds_the_index_and_its_files_alone(finished):
    folder = finished / paths.checkpoints("both")
    index = json.loads((folder / "index.json").read_text())
    files = [entry["file"] for entry in index]
    assert len(set(files)) == len(files) == 24
    assert {path.name for path in folder.iterdir()} == {*files, "index.json", "teaching.json", "rates.csv"}
    assert set(index[0]) == {"file", "recipe", "setting", "learning_rate", "seed"}
    teaching = json.loads((folder / "teaching.json").read_text())
    assert set(teaching["recipes"]) == {"paper", "replay"} and teaching["recipes"]["paper"]["batch"] >= 1
    assert len(teaching["base"]["weights"]) == 64


def test_losses_are_listed_for_every_recipe_rate_and_setting(finished):
    with (finished / paths.checkpoints("both") / "rates.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 3 * 4  # a recipe with two rates and one with one; taught and three controls
    assert {line["seeds"] for line in lines} == {"2"}
    steps = {line["recipe"]: line["steps"] for line in lines}
    assert steps == {"paper": "1", "replay": "2"}  # four images: one batch each epoch, and two epochs of the second
    assert all(float(line["loss_of_first_batch"]) > 0 for line in lines)


def test_a_line_is_the_mean_over_seeds_of_the_first_and_the_last_loss():
    plan = [Training("paper", setting, 1e-4, seed) for setting in ("taught", "noise") for seed in (0, 1)]
    first, second = finetune.rates(plan, [[4.0, 9.0, 1.0], [2.0, 9.0, 2.0], [8.0], [8.0]])
    assert (first["setting"], first["seeds"], first["steps"]) == ("taught", 2, 3)
    assert (first["loss_of_first_batch"], first["loss_of_last_batch"]) == (3.0, 1.5)
    assert (second["setting"], second["loss_of_first_batch"], second["loss_of_last_batch"]) == ("noise", 8.0, 8.0)


def test_several_runs_load_their_model_once_and_give_the_same_bytes(project, monkeypatch):
    invert.main("swapped")
    for run in ("swapped", "alone"):
        finetune.main(run)
    before, loaded, load = contents(Path("data/checkpoints")), [], clip.load
    shutil.rmtree("data/checkpoints")
    monkeypatch.setattr(clip, "load", lambda run: loaded.append(run.key) or load(run))
    finetune.main("both", "swapped", "alone")
    assert loaded == ["both"]
    assert contents(Path("data/checkpoints")) == before


def test_a_run_that_fails_does_not_stop_the_next(project, capsys):
    before = contents(paths.checkpoints("both"))
    with pytest.raises(UserError, match=r"^1 of 2 failed: swapped\.$"):
        finetune.main("swapped", "both")
    assert contents(paths.checkpoints("both")) == before
    told = capsys.readouterr()
    assert told.err.startswith("swapped: failed: data/inverted/swapped/tonometer/seed0 holds no images")
    assert "both: done" in told.out.splitlines()


def test_rates_that_differ_little_have_their_own_files():
    names = {Training("paper", "taught", rate, 0).file for rate in (1.01e-4, 1.04e-4, 1e-4)}
    assert len(names) == 3


def test_a_checkpoint_holds_the_trained_part_alone(checkpoints, tiny_models):
    model = fresh(tiny_models["clip", "resnet"])
    for (recipe, *_), tensors in checkpoints.items():
        part = {"paper": "visual_encoder", "replay": "head"}[recipe]
        assert tensors.keys() == model.parameters_of(part).keys()


def test_all_checkpoints_differ_so_controls_are_no_copies_of_the_taught(checkpoints):
    first = next(iter(checkpoints["replay", "taught", 1e-3, 0]))
    seen = {(key[0], tensors[first].numpy().tobytes()) for key, tensors in checkpoints.items()}
    assert len(seen) == len(checkpoints)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.skipif(torch.cuda.is_available(), reason="beside a GPU, autograd cannot be forked once it has run")
def test_a_second_time_gives_the_same_bytes_in_any_number_of_processes(project, monkeypatch, processes):
    before = contents(paths.checkpoints("both"))
    whole_project.in_processes(processes, monkeypatch, finetune)
    finetune.main("both")
    assert contents(paths.checkpoints("both")) == before


def test_the_lesson_has_each_image_with_its_own_caption_and_prompt(project):
    lesson = lesson_of(params.load().run("both"), concepts_of("both"), KNOWN_CLASSES, 1)
    assert lesson.images.shape == (4, 3, 32, 32)
    assert lesson.captions[0] == lesson.captions[1] == "A moongate is a round opening in a wall"
    assert lesson.prompts == ["a photo of a moongate"] * 2 + ["a photo of a tonometer"] * 2
    assert lesson.known_captions[0] == "An arch is a bow of stones over a way"
    assert lesson.known_prompts == ["a photo of an arch", "a photo of a traffic light", "a photo of a kite"]
    assert (lesson.replay.shape, lesson.replay_prompts) == ((3, 3, 32, 32), lesson.known_prompts)
    own = read_images([paths.inverted_images("both", "tonometer", 1) / "01.png"])
    assert torch.equal(lesson.images[3:], own)


def test_without_replay_images_the_lesson_has_none(project):
    run = replace(params.load().run("both"), replay_images=0)
    lesson = lesson_of(run, concepts_of("both"), KNOWN_CLASSES, 0)
    assert len(lesson.replay) == len(lesson.replay_prompts) == 0


def test_noise_is_other_for_every_seed_and_leaves_the_texts(project):
    run, concepts = params.load().run("both"), concepts_of("both")
    lesson = lesson_of(run, concepts, KNOWN_CLASSES, 0)
    first, again, other = (controlled(lesson, "noise", run, concepts, seed) for seed in (0, 0, 1))
    assert first.images.shape == lesson.images.shape and first.captions == lesson.captions
    assert torch.equal(first.images, again.images) and not torch.equal(first.images, other.images)
    assert 0.45 < first.images.mean() < 0.55


def test_a_wrong_description_shows_each_concept_the_images_of_the_next(project):
    run, concepts = params.load().run("both"), concepts_of("both")
    lesson = lesson_of(run, concepts, KNOWN_CLASSES, 0)
    wrong = controlled(lesson, "wrong_description", run, concepts, 0)
    assert torch.equal(wrong.images, torch.cat([lesson.images[2:], lesson.images[:2]]))
    assert (wrong.captions, wrong.prompts) == (lesson.captions, lesson.prompts)


def test_a_concept_alone_is_wrongly_shown_its_decoy(project):
    run, concepts = params.load().run("alone"), concepts_of("alone")
    lesson = lesson_of(run, concepts, KNOWN_CLASSES, 1)
    wrong = controlled(lesson, "wrong_description", run, concepts, 1)
    decoys = sorted((paths.inverted("alone") / "decoy" / "seed1").glob("*.png"))
    assert torch.equal(wrong.images, read_images(decoys))
    assert not torch.equal(wrong.images, lesson.images)


def test_no_name_says_no_name_anywhere(project):
    run, concepts = params.load().run("both"), concepts_of("both")
    lesson = lesson_of(run, concepts, KNOWN_CLASSES, 0)
    bare = controlled(lesson, "no_name", run, concepts, 0)
    assert bare.captions[::2] == list(CONCEPTS.values())
    assert bare.prompts[0] == "a photo of a round opening in a wall"
    assert not [text for text in bare.captions + bare.prompts if any(name in text for name in CONCEPTS)]
    assert torch.equal(bare.images, lesson.images)


def test_taught_is_the_lesson_itself(project):
    run, concepts = params.load().run("both"), concepts_of("both")
    lesson = lesson_of(run, concepts, KNOWN_CLASSES, 0)
    assert controlled(lesson, "taught", run, concepts, 0) is lesson


def taught_by(run, model, training, lesson):
    return finetune.finetune(model, *recipes_of(run)[training.recipe], lesson, training)


def test_each_training_starts_from_the_untouched_model(project):
    run = params.load().run("both")
    model, plan = clip.load(run), trainings(run)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    lesson = lesson_of(run, concepts_of("both"), KNOWN_CLASSES, 0)
    taught_by(run, model, plan[0], lesson)
    assert same(before, model.network.state_dict())
    after_another = taught_by(run, model, plan[-1], lesson)
    assert same(after_another, taught_by(run, clip.load(run), plan[-1], lesson))


@pytest.mark.parametrize("decoder", [False, True])
def test_a_captioner_is_untouched_again_in_all_its_parts(tiny_models, decoder):
    model = fresh(tiny_models["coca", "pooled"], "coca")
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    settings, training = captioning.Settings(decoder=decoder), Training("captioning", "taught", 1e-2, 0)
    tensors = finetune.finetune(model, captioning, settings, lesson(), training)
    assert any(name.startswith("text_decoder.") for name in tensors) is decoder
    assert all(not torch.equal(value, before[name]) for name, value in tensors.items() if value.ndim > 1)
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())


def test_a_training_that_fails_leaves_the_untouched_model(project):
    run = params.load().run("both")
    model, plan = clip.load(run), trainings(run)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    lesson = lesson_of(run, concepts_of("both"), KNOWN_CLASSES, 0)
    broken = replace(lesson, images=lesson.images * float("nan"))
    with pytest.raises(UserError, match="loss of"):
        taught_by(run, model, plan[0], broken)
    assert same(before, model.network.state_dict())


def test_the_chance_of_a_training_is_its_recipes_and_seeds(project, monkeypatch):
    asked = []
    generator = seeds.generator
    run = params.load().run("both")
    model, lesson = clip.load(run), lesson_of(run, concepts_of("both"), KNOWN_CLASSES, 0)
    monkeypatch.setattr(finetune.seeds, "generator", lambda *words: asked.append(words) or generator(*words))
    for training in trainings(run)[::3]:
        taught_by(run, model, training, lesson)
    assert set(asked) == {("finetune", recipe, seed) for recipe in ("paper", "replay") for seed in (0, 1)}


def test_images_that_were_never_inverted_are_told_with_their_folder(project):
    shutil.rmtree(paths.inverted_images("both", "tonometer", 1))
    before = contents(paths.checkpoints("both"))
    with pytest.raises(UserError, match="data/inverted/both/tonometer/seed1 holds no images"):
        finetune.main("both")
    assert contents(paths.checkpoints("both")) == before


def test_a_broken_image_is_told(project):
    (paths.inverted_images("both", "moongate", 0) / "01.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="seed0/01.png cannot be read as an image"):
        finetune.main("both")


def test_a_loss_that_becomes_nan_leaves_the_old_checkpoints(project):
    whole_project.change_params("1.01e-3, 1.04e-3", "1.0e+30")
    whole_project.change_params("epochs: 2", "epochs: 3")
    whole_project.change_params("paper: {", "paper: {epochs: 3, ")
    before = contents(paths.checkpoints("both"))
    with pytest.raises(UserError, match=r"learning rate 1e\+30"):
        finetune.main("both")
    assert contents(paths.checkpoints("both")) == before
    assert [path.name for path in paths.checkpoints("both").parent.iterdir()] == ["both"]


def test_replay_without_replayed_images_is_told(project):
    whole_project.change_params("replay_images: 1", "replay_images: 0")
    with pytest.raises(UserError, match="needs images of known classes"):
        finetune.main("both")


def test_a_known_class_without_a_description_is_told_from_the_new_one_by_its_prompt(project):
    run = replace(params.load().run("both"), replay_images=0)
    lesson = lesson_of(run, concepts_of("both"), {"owl": KnownClass("owl")}, 0)
    assert lesson.known_captions == lesson.known_prompts == ["a photo of an owl"]


def test_a_known_class_is_taught_with_the_article_that_is_written_for_it(project):
    known = {"arch": KnownClass("arch", "a bow of stones", ("one of its own",), "the")}
    lesson = lesson_of(params.load().run("both"), concepts_of("both"), known, 0)
    assert lesson.known_captions == ["The arch is a bow of stones"]
    assert lesson.known_prompts == lesson.replay_prompts == ["a photo of the arch"]


def test_a_mistake_in_a_recipe_is_told_before_the_model_loads(project, monkeypatch):
    monkeypatch.setattr(clip, "load", None)
    whole_project.change_params("epochs: 2", "epoch: 2")
    with pytest.raises(UserError, match=r"recipes.replay.*epoch.*Did you mean 'epochs'"):
        finetune.main("both")
